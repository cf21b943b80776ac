"""pillow_resize.py CASE...: SHA-256 of what Pillow makes of pictures of noise, a line a case, planes [3, height, width].
A case is "HEIGHT WIDTH resize HEIGHT WIDTH", "HEIGHT WIDTH fit SHORTER SIDE" (torchvision's Resize and CenterCrop) or
"HEIGHT WIDTH crop TOP LEFT HEIGHT WIDTH SIDE" (what its RandomResizedCrop does with a box)."""
import hashlib
import sys

from PIL import Image


def noise(height, width):
    """Planes of noise in the order of the picture's bytes, by the generator of Numerical Recipes."""
    state, values = 1, bytearray()
    for _ in range(3 * height * width):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append(state >> 24)
    planes = [Image.frombytes("L", (width, height), bytes(values[c * height * width:(c + 1) * height * width]))
              for c in range(3)]
    return Image.merge("RGB", planes)


def fit(picture, shorter, side):
    width, height = picture.size
    least, most = min(width, height), max(width, height)
    size = shorter, int(shorter * most / least)
    picture = picture.resize(size if width <= height else size[::-1], Image.BILINEAR)
    top, left = (int(round((whole - side) / 2.0)) for whole in picture.size[::-1])
    return picture.crop((left, top, left + side, top + side))


for case in sys.argv[1:]:
    height, width, what, *sizes = (int(word) if word.isdigit() else word for word in case.split())
    made = noise(height, width)
    if what == "resize":
        made = made.resize(sizes[::-1], Image.BILINEAR)
    elif what == "fit":
        made = fit(made, *sizes)
    else:
        top, left, height, width, side = sizes
        made = made.crop((left, top, left + width, top + height)).resize((side, side), Image.BILINEAR)
    print(hashlib.sha256(b"".join(plane.tobytes() for plane in made.split())).hexdigest())

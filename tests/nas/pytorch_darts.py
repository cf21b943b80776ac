"""The networks of DARTS in PyTorch (Liu, Simonyan, Yang 2019; written after the published architecture, quark0/darts),
as the other side of tests/nas/pytorch_darts_test.cpp.

    pytorch_darts.py {search|cifar|imagenet GENOTYPE FOLDER}...  writes FOLDER/weights.safetensors and
                                                                 FOLDER/images.safetensors (images and their logits)
    pytorch_darts.py golden GENOTYPE                             prints tests/nas/pytorch_darts_golden.h

GENOTYPE is a text of Python such as quark0/darts has. Weights follow a formula, so that the golden case needs none."""
import collections
import sys

import torch
from torch import nn

Genotype = collections.namedtuple("Genotype", "normal normal_concat reduce reduce_concat")
PRIMITIVES = ["none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3",
              "dil_conv_5x5"]


class Zero(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return x[:, :, :: self.stride, :: self.stride] * 0.0


class ReLUConvBN(nn.Module):
    def __init__(self, c_in, c_out, affine=True):
        super().__init__()
        self.op = nn.Sequential(nn.ReLU(), nn.Conv2d(c_in, c_out, 1, bias=False), nn.BatchNorm2d(c_out, affine=affine))

    def forward(self, x):
        return self.op(x)


class DilConv(nn.Module):
    def __init__(self, c, kernel, stride, padding, affine):
        super().__init__()
        self.op = nn.Sequential(
            nn.ReLU(), nn.Conv2d(c, c, kernel, stride, padding, dilation=2, groups=c, bias=False),
            nn.Conv2d(c, c, 1, bias=False), nn.BatchNorm2d(c, affine=affine))

    def forward(self, x):
        return self.op(x)


class SepConv(nn.Module):
    def __init__(self, c, kernel, stride, padding, affine):
        super().__init__()
        self.op = nn.Sequential(
            nn.ReLU(), nn.Conv2d(c, c, kernel, stride, padding, groups=c, bias=False), nn.Conv2d(c, c, 1, bias=False),
            nn.BatchNorm2d(c, affine=affine),
            nn.ReLU(), nn.Conv2d(c, c, kernel, 1, padding, groups=c, bias=False), nn.Conv2d(c, c, 1, bias=False),
            nn.BatchNorm2d(c, affine=affine))

    def forward(self, x):
        return self.op(x)


class FactorizedReduce(nn.Module):
    def __init__(self, c_in, c_out, affine=True):
        super().__init__()
        self.relu = nn.ReLU()
        self.conv_1 = nn.Conv2d(c_in, c_out // 2, 1, stride=2, bias=False)
        self.conv_2 = nn.Conv2d(c_in, c_out // 2, 1, stride=2, bias=False)
        self.bn = nn.BatchNorm2d(c_out, affine=affine)

    def forward(self, x):
        x = self.relu(x)
        return self.bn(torch.cat([self.conv_1(x), self.conv_2(x[:, :, 1:, 1:])], dim=1))


def conv_7x1_1x7(c, stride, affine):
    return nn.Sequential(nn.ReLU(), nn.Conv2d(c, c, (1, 7), stride=(1, stride), padding=(0, 3), bias=False),
                         nn.Conv2d(c, c, (7, 1), stride=(stride, 1), padding=(3, 0), bias=False),
                         nn.BatchNorm2d(c, affine=affine))


OPS = {
    "none": lambda c, stride, affine: Zero(stride),
    "avg_pool_3x3": lambda c, stride, affine: nn.AvgPool2d(3, stride, 1, count_include_pad=False),
    "max_pool_3x3": lambda c, stride, affine: nn.MaxPool2d(3, stride, 1),
    "skip_connect": lambda c, stride, affine: nn.Identity() if stride == 1 else FactorizedReduce(c, c, affine),
    "sep_conv_3x3": lambda c, stride, affine: SepConv(c, 3, stride, 1, affine),
    "sep_conv_5x5": lambda c, stride, affine: SepConv(c, 5, stride, 2, affine),
    "sep_conv_7x7": lambda c, stride, affine: SepConv(c, 7, stride, 3, affine),
    "dil_conv_3x3": lambda c, stride, affine: DilConv(c, 3, stride, 2, affine),
    "dil_conv_5x5": lambda c, stride, affine: DilConv(c, 5, stride, 4, affine),
    "conv_7x1_1x7": conv_7x1_1x7,
}


class MixedOp(nn.Module):
    def __init__(self, c, stride):
        super().__init__()
        self._ops = nn.ModuleList()
        for primitive in PRIMITIVES:
            op = OPS[primitive](c, stride, False)
            if "pool" in primitive:
                op = nn.Sequential(op, nn.BatchNorm2d(c, affine=False))
            self._ops.append(op)

    def forward(self, x, weights):
        return sum(w * op(x) for w, op in zip(weights, self._ops))


class Cell(nn.Module):
    """Of either network: a search cell where there is no genotype."""

    def __init__(self, genotype, nodes, c_prev_prev, c_prev, c, reduction, reduction_prev):
        super().__init__()
        affine = genotype is not None
        self.preprocess0 = (FactorizedReduce(c_prev_prev, c, affine) if reduction_prev
                            else ReLUConvBN(c_prev_prev, c, affine))
        self.preprocess1 = ReLUConvBN(c_prev, c, affine)
        self._ops = nn.ModuleList()
        if genotype is None:
            self.indices, self.nodes, self.concat = None, nodes, range(2, 2 + nodes)
            for node in range(nodes):
                for source in range(2 + node):
                    self._ops.append(MixedOp(c, 2 if reduction and source < 2 else 1))
        else:
            pairs = genotype.reduce if reduction else genotype.normal
            self.indices = [source for _, source in pairs]
            self.nodes, self.concat = len(pairs) // 2, genotype.reduce_concat if reduction else genotype.normal_concat
            for name, source in pairs:
                self._ops.append(OPS[name](c, 2 if reduction and source < 2 else 1, True))

    def forward(self, s0, s1, weights=None):
        states = [self.preprocess0(s0), self.preprocess1(s1)]
        offset = 0
        for node in range(self.nodes):
            if self.indices is None:
                states.append(sum(self._ops[offset + j](h, weights[offset + j]) for j, h in enumerate(states)))
                offset += node + 2
            else:
                states.append(sum(self._ops[2 * node + k](states[self.indices[2 * node + k]]) for k in (0, 1)))
        return torch.cat([states[i] for i in self.concat], dim=1)


class AuxiliaryHead(nn.Module):
    def __init__(self, c, classes, stem):
        super().__init__()
        layers = [nn.ReLU(), nn.AvgPool2d(5, stride=3 if stem == "cifar" else 2, padding=0, count_include_pad=False),
                  nn.Conv2d(c, 128, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU(),
                  nn.Conv2d(128, 768, 2, bias=False)]
        layers += [nn.BatchNorm2d(768)] if stem == "cifar" else []
        self.features = nn.Sequential(*layers, nn.ReLU())
        self.classifier = nn.Linear(768, classes)


class Network(nn.Module):
    def __init__(self, kind, genotype, channels, layers, classes, nodes=4, auxiliary=True):
        super().__init__()
        self.search = kind == "search"
        c = channels
        if kind == "imagenet":
            self.stem0 = nn.Sequential(
                nn.Conv2d(3, c // 2, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(c // 2), nn.ReLU(),
                nn.Conv2d(c // 2, c, 3, 2, padding=1, bias=False), nn.BatchNorm2d(c))
            self.stem1 = nn.Sequential(nn.ReLU(), nn.Conv2d(c, c, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(c))
            c_prev_prev, c_prev, reduction_prev = c, c, True
        else:
            self.stem = nn.Sequential(nn.Conv2d(3, 3 * c, 3, padding=1, bias=False), nn.BatchNorm2d(3 * c))
            c_prev_prev, c_prev, reduction_prev = 3 * c, 3 * c, False
        self.cells = nn.ModuleList()
        for i in range(layers):
            reduction = i in (layers // 3, 2 * layers // 3)
            c *= 2 if reduction else 1
            cell = Cell(genotype, nodes, c_prev_prev, c_prev, c, reduction, reduction_prev)
            cell.is_reduction, reduction_prev = reduction, reduction
            self.cells.append(cell)
            c_prev_prev, c_prev = c_prev, len(cell.concat) * c
            if i == 2 * layers // 3:
                c_auxiliary = c_prev
        if auxiliary and not self.search:
            self.auxiliary_head = AuxiliaryHead(c_auxiliary, classes, kind)
        self.classifier = nn.Linear(c_prev, classes)
        edges = sum(2 + i for i in range(nodes))
        self.alphas = {name: torch.zeros(edges, len(PRIMITIVES)) for name in ("alphas_normal", "alphas_reduce")}

    def forward(self, x):
        if hasattr(self, "stem"):
            s0 = s1 = self.stem(x)
        else:
            s0 = self.stem0(x)
            s1 = self.stem1(s0)
        for cell in self.cells:
            alphas = self.alphas["alphas_reduce" if cell.is_reduction else "alphas_normal"]
            s0, s1 = s1, cell(s0, s1, torch.softmax(alphas, dim=-1))
        return self.classifier(s1.mean(dim=(2, 3)))


def formula(number, shape, name=""):
    """Element i of tensor number t: a fraction of 2^16 in [-1/2, 1/2), larger for kernels, shifted for variances."""
    i = torch.arange(int(torch.tensor(shape).prod()) if shape else 1, dtype=torch.int64)
    value = ((i * 40503 + number * 9973 + 12345) * 2971 % 65536).to(torch.float32) / 65536 - 0.5
    value = value * 2 if len(shape) == 4 else value
    return (value + 1.0 if name.endswith("running_var") else value).reshape(shape)


def state_of(net):
    """Names and tensors in the order of state_dict, logits of a search network at the end; filled by the formula."""
    tensors = dict(net.state_dict())
    if net.search:
        tensors.update(net.alphas)
    for number, (name, tensor) in enumerate(tensors.items()):
        if tensor.dtype == torch.float32:
            tensor.copy_(formula(number, list(tensor.shape), name))
    return tensors


def logits_of(net, size, count):
    images = formula(7, [count, 3, size, size])
    net.eval()
    with torch.no_grad():
        return images, net(images)


def print_golden(genotype):
    net = Network("cifar", genotype, channels=2, layers=3, classes=3, auxiliary=False)
    tensors = state_of(net)
    _, logits = logits_of(net, 8, 2)
    print("#pragma once\n// Written by pytorch_darts.py golden, by PyTorch " + torch.__version__.split("+")[0] + ".")
    print("namespace ockham::test {\n\n/// Names and shapes of a state_dict, in its order.")
    print("inline constexpr const char* kDartsState =")
    lines = [f'    "{" ".join([name, *map(str, t.shape)])}\\n"' for name, t in tensors.items()]
    print("\n".join(lines) + ";")
    numbers = ", ".join(f"{x:.7f}f" for x in logits.flatten().tolist())
    print(f"/// Of two images [3, 8, 8].\ninline constexpr float kDartsLogits[] = {{{numbers}}};\n")
    print("}  // namespace ockham::test")


def write(kind, genotype, folder):
    from safetensors.torch import save_file
    size = 224 if kind == "imagenet" else 32
    net = Network(kind, genotype, channels=4, layers=5, classes=7)
    tensors = state_of(net)
    for module in net.modules():  # statistics of the images themselves, so that deep networks have logits near 1
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        net.train()(formula(7, [2, 3, size, size]))
    images, logits = logits_of(net, size, 2)
    save_file({name: t.contiguous() for name, t in tensors.items()}, folder + "/weights.safetensors")
    save_file({"images": images, "logits": logits}, folder + "/images.safetensors")


def main():
    read = lambda text: eval(text, {"Genotype": Genotype, "range": range})
    if sys.argv[1] == "golden":
        print_golden(read(sys.argv[2]))
        return
    for kind, text, folder in zip(*[iter(sys.argv[1:])] * 3):
        write(kind, None if kind == "search" else read(text), folder)


if __name__ == "__main__":
    main()

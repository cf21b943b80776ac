"""onnx_check.py MODEL VALUES: does ONNX Runtime give the logits that VALUES (safetensors: images, logits) holds?
Prints the largest difference. The checker of the package onnx runs where that is installed."""
import json
import struct
import sys

import numpy as np
import onnxruntime

model, values = sys.argv[1:]
try:
    import onnx
    onnx.checker.check_model(onnx.load(model), full_check=True)
except ImportError:
    pass
data = open(values, "rb").read()
size = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8:8 + size])


def tensor(name):
    begin, end = header[name]["data_offsets"]
    return np.frombuffer(data[8 + size + begin:8 + size + end], np.float32).reshape(header[name]["shape"])


session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
found = session.run(["logits"], {"input": tensor("images")})[0]
print(np.abs(found - tensor("logits")).max())

"""The peer's side of train_pytorch: the network of a genotype and the model `speed`, in PyTorch, with the names of
ockham-export --format safetensors, so that both sides can start from the same weights.

Liu et al. 2019 (DARTS), Zhou et al. 2019 (BayesNAS; the networks as nas/layers/operations.cpp describes them),
Jordan 2024 (arXiv:2404.00498)."""
import pathlib
import sys

import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "nas"))
from pytorch_darts import OPS, FactorizedReduce, ReLUConvBN  # noqa: E402


def conv(c_in, c_out, kernel=1, stride=1, dilation=1, groups=1, padding=None):
    padding = dilation * (kernel // 2) if padding is None else padding
    return nn.Conv2d(c_in, c_out, kernel, stride, padding, dilation, groups, bias=False)


class ZeroBorder(nn.Module):
    def forward(self, x):
        return F.pad(x, (1, 1, 1, 1))


def bayesnas_unit(c, kernel, stride, dilation=1):
    return [nn.BatchNorm2d(c), nn.ReLU(), conv(c, c, kernel, stride, dilation, c), conv(c, c)]


def darts_operation(name, c, stride):
    return OPS["skip_connect" if name == "identity" else name](c, stride, True)


def bayesnas_operation(name, c, stride):
    if name == "max_pool_3x3":
        return nn.Sequential(ZeroBorder(), nn.MaxPool2d(3, stride))
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride, 1)
    if name == "identity":
        return nn.Identity() if stride == 1 else nn.Sequential(nn.BatchNorm2d(c), conv(c, c, stride=2))
    kernel = int(name[-1])
    if name.startswith("dil"):
        return nn.Sequential(*bayesnas_unit(c, kernel, stride, 2))
    return nn.Sequential(*bayesnas_unit(c, kernel, stride), *bayesnas_unit(c, kernel, 1))


class BayesnasInput(nn.Module):
    def __init__(self, c_in, c_out, halves):
        super().__init__()
        self.reduce = conv(c_in, c_in, stride=2) if halves else nn.Identity()
        self.bn, self.conv = nn.BatchNorm2d(c_in), conv(c_in, c_out)

    def forward(self, x):
        return self.conv(F.relu(self.bn(self.reduce(x))))


def place(name):
    """Of a state: the cell before the previous one (in1) is 0, the previous one (in0) 1, nodes follow."""
    return 1 - int(name[2:]) if str(name).startswith("in") else 2 + int(str(name).removeprefix("node"))


class Cell(nn.Module):
    def __init__(self, genotype, kind, c_older, c_previous, c, older_is_larger):
        super().__init__()
        is_darts = genotype["space"] == "darts"
        if is_darts:
            self.preprocess0 = (FactorizedReduce(c_older, c) if older_is_larger
                                else ReLUConvBN(c_older, c))
            self.preprocess1 = ReLUConvBN(c_previous, c)
        else:
            self.preprocess0 = BayesnasInput(c_older, c, older_is_larger)
            self.preprocess1 = BayesnasInput(c_previous, c, False)
        make = darts_operation if is_darts else bayesnas_operation
        self._ops, self.terms = nn.ModuleList(), []
        for edge in genotype[kind]:
            for name in edge["ops"]:
                self._ops.append(make(name, c, edge["stride"]))
                is_kept = is_darts and name == "identity" and edge["stride"] == 1
                self.terms.append((place(edge["from"]), place(edge["to"]), is_kept))
        self.drop = drop_path if is_darts else channel_dropout
        key = "reduce_concat" if kind == "reduce" and "reduce_concat" in genotype else "concat"
        self.concat = [2 + node for node in genotype[key]]
        self.nodes, self.width = genotype["nodes"], c * len(self.concat)

    def forward(self, older, previous, p):
        states = [self.preprocess0(older), self.preprocess1(previous)]
        for node in range(2, 2 + self.nodes):
            total = None
            for op, (source, to, is_kept) in zip(self._ops, self.terms):
                if to == node:
                    y = op(states[source])
                    y = y if is_kept or not self.training or p == 0 else self.drop(y, p)
                    total = y if total is None else total + y
            states.append(total)
        return torch.cat([states[i] for i in self.concat], 1)


def drop_path(y, p):
    return y * (torch.rand(len(y), 1, 1, 1) >= p) / (1 - p)


def channel_dropout(y, p):
    return y * (torch.rand(*y.shape[:2], 1, 1) >= p) / (1 - p)


class CellNetwork(nn.Module):
    """Without auxiliary head, for images of 32 pixels."""

    def __init__(self, genotype, channels, cells, classes=10):
        super().__init__()
        is_darts = genotype["space"] == "darts"
        c = channels
        self.stem = nn.Sequential(conv(3, 3 * c, 3), *([nn.BatchNorm2d(3 * c)] if is_darts else []))
        older = previous = 3 * c
        self.cells, is_larger = nn.ModuleList(), False
        for i in range(cells):
            reduces = i in (cells // 3, 2 * cells // 3)
            c *= 2 if reduces else 1
            self.cells.append(Cell(genotype, "reduce" if reduces else "normal", older, previous, c, is_larger))
            older, previous, is_larger = previous, self.cells[-1].width, reduces
        self.bn = nn.Identity() if is_darts else nn.BatchNorm2d(previous)
        self.classifier = nn.Linear(previous, classes)
        self.drop_probability = 0.0

    def forward(self, x):
        older = previous = self.stem(x)
        for cell in self.cells:
            older, previous = previous, cell(older, previous, self.drop_probability)
        return self.classifier(self.bn(previous).mean((2, 3)))


class Group(nn.Module):
    def __init__(self, c_in, c_out, activation):
        super().__init__()
        self.conv1, self.norm1 = conv(c_in, c_out, 3), nn.BatchNorm2d(c_out)
        self.conv2, self.norm2 = conv(c_out, c_out, 3), nn.BatchNorm2d(c_out)
        self.activation = activation

    def forward(self, x):
        x = self.activation(self.norm1(F.max_pool2d(self.conv1(x), 2)))
        return self.activation(self.norm2(self.conv2(x)))


class SpeedNetwork(nn.Module):
    """Its first filters do not train; whoever loads weights brings them."""

    def __init__(self, width=64, classes=10, activation="relu", norm_scale=True):
        super().__init__()
        self.activation = {"relu": F.relu, "gelu": F.gelu}[activation]
        self.whiten = conv(3, 24, 2, padding=0)
        self.whiten.weight.requires_grad_(False)
        sizes = (24, width, 4 * width, 4 * width)
        self.group1, self.group2, self.group3 = (Group(a, b, self.activation) for a, b in zip(sizes, sizes[1:]))
        self.fc = nn.Linear(4 * width, classes)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.requires_grad_(norm_scale)

    def forward(self, x):
        x = self.group3(self.group2(self.group1(self.activation(self.whiten(x)))))
        return self.fc(x.amax((2, 3))) / 9

#!/usr/bin/env python3
"""One training step of a network of ockham-bench in PyTorch: forward, loss, backward, clipping, SGD. Prints one JSON
line with the median step in seconds. The networks are those of the published programs, in their own words:

    darts-search    supernet of DARTS: 16 channels, 8 cells of 4 nodes and 14 edges, 7 operations an edge in one softmax
                    with the zero operation, which costs nothing here, as in ours
    bayesnas-search supernet of BayesNAS: 36 channels, 8 cells of 8 edges, switches in place of the softmax
    darts-v2        the network found by second-order DARTS: 36 channels, 20 cells, auxiliary head

    cuda_peer.py --model darts-search --batch 64 --variant eager|channels_last|graph [--autocast] [--device cuda]

graph: the whole step captured once by hand (torch.cuda.graph) and replayed. fp32 means IEEE products (TF32 off) unless
--tf32 is given. --count prints the number of parameters and ends.
"""
import argparse
import json
import statistics
import time

import torch
from torch import nn
import torch.nn.functional as F

OPS = ['max_pool_3x3', 'avg_pool_3x3', 'skip_connect', 'sep_conv_3x3', 'sep_conv_5x5', 'dil_conv_3x3', 'dil_conv_5x5']
BAYES_OPS = ['sep_conv_3x3', 'sep_conv_5x5', 'dil_conv_3x3', 'dil_conv_5x5', 'max_pool_3x3', 'avg_pool_3x3', 'skip_connect']
DARTS_V2 = {
    'normal': [('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 1),
               ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)],
    'reduce': [('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0),
               ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)],
}


def norm(channels, affine):
    return nn.BatchNorm2d(channels, affine=affine)


def pointwise(inputs, outputs, stride=1):
    return nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)


def depthwise(channels, kernel, stride, dilation):
    return nn.Conv2d(channels, channels, kernel, stride, dilation * (kernel // 2), dilation, channels, bias=False)


class FactorizedReduce(nn.Module):
    def __init__(self, inputs, outputs, affine):
        super().__init__()
        self.first, self.second = pointwise(inputs, outputs // 2, 2), pointwise(inputs, outputs - outputs // 2, 2)
        self.norm = norm(outputs, affine)

    def forward(self, x):
        x = F.relu(x)
        return self.norm(torch.cat([self.first(x), self.second(x[:, :, 1:, 1:])], 1))


def darts_operation(name, channels, stride, affine, normed_pools):
    def half(kernel, step, dilation):
        return [nn.ReLU(), depthwise(channels, kernel, step, dilation), pointwise(channels, channels),
                norm(channels, affine)]
    if name == 'skip_connect':
        return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels, affine)
    if 'pool' in name:
        pool = nn.MaxPool2d(3, stride, 1) if name.startswith('max') else nn.AvgPool2d(3, stride, 1, count_include_pad=False)
        return nn.Sequential(pool, norm(channels, False)) if normed_pools else pool
    kernel = int(name[-1])
    if name.startswith('dil'):
        return nn.Sequential(*half(kernel, stride, 2))
    return nn.Sequential(*half(kernel, stride, 1), *half(kernel, 1, 1))


class ZeroBorderMaxPool(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return F.max_pool2d(F.pad(x, (1, 1, 1, 1)), 3, self.stride)


def bayes_operation(name, channels, stride):
    def half(kernel, step):
        return [norm(channels, True), nn.ReLU(), depthwise(channels, kernel, step, 1), pointwise(channels, channels)]
    if name == 'skip_connect':
        return nn.Identity() if stride == 1 else nn.Sequential(norm(channels, True), pointwise(channels, channels, 2))
    if name == 'max_pool_3x3':
        return ZeroBorderMaxPool(stride)
    if name == 'avg_pool_3x3':
        return nn.AvgPool2d(3, stride, 1)
    kernel = int(name[-1])
    if name.startswith('dil'):  # dense, as released
        return nn.Sequential(norm(channels, True), nn.ReLU(),
                             nn.Conv2d(channels, channels, kernel, stride, kernel - 1, 2, bias=False),
                             pointwise(channels, channels))
    return nn.Sequential(*half(kernel, stride), *half(kernel, 1))


def relu_conv_norm(inputs, outputs, affine):
    return nn.Sequential(nn.ReLU(), pointwise(inputs, outputs), norm(outputs, affine))


def bayes_input(inputs, outputs, halves):
    reduce = [pointwise(inputs, inputs, 2)] if halves else []
    return nn.Sequential(*reduce, norm(inputs, True), nn.ReLU(), pointwise(inputs, outputs))


class Cell(nn.Module):
    """edges: (from, to, stride); 0 and 1 are the cell's inputs, older first."""

    def __init__(self, older, previous, edges, nodes):
        super().__init__()
        self.older, self.previous, self.edges, self.nodes = older, previous, edges, nodes

    def forward(self, older, previous, weights):
        states = [self.older(older), self.previous(previous)]
        for node in range(self.nodes):
            states.append(sum(self.edge(e, states[source], weights)
                              for e, (source, target, _) in enumerate(self.edges) if target == node))
        return torch.cat(states[2:], 1)


class MixedCell(Cell):
    def __init__(self, *place, make):
        super().__init__(*place)
        self.ops = nn.ModuleList(nn.ModuleList(make(stride)) for _, _, stride in self.edges)

    def edge(self, e, x, weights):
        return sum(w * op(x) for w, op in zip(weights[e], self.ops[e]))


class SwitchedCell(Cell):
    def __init__(self, *place, make):
        super().__init__(*place)
        self.ops = nn.ModuleList(nn.ModuleList(make(stride)) for _, _, stride in self.edges)
        self.origins = nn.ParameterList(nn.Parameter(torch.ones(1)) for _ in self.edges)
        self.switches = nn.ParameterList(nn.Parameter(torch.ones(len(BAYES_OPS))) for _ in self.edges)

    def edge(self, e, x, _):
        x = x * self.origins[e]
        return sum(w * op(x) for w, op in zip(self.switches[e], self.ops[e]))


class FixedCell(Cell):
    def __init__(self, *place, make):
        super().__init__(*place)
        self.ops = nn.ModuleList(make)

    def edge(self, e, x, _):
        return self.ops[e](x)


def reductions(cells):
    return (cells // 3, 2 * cells // 3)


def widths(stem, channels, cells, nodes):
    """(channels, older width, previous width, halves, older is larger) of each cell."""
    older, previous, larger = stem, stem, False
    for i in range(cells):
        halves = i in reductions(cells)
        channels *= 2 if halves else 1
        yield channels, older, previous, halves, larger
        older, previous, larger = previous, channels * nodes, halves


class Network(nn.Module):
    def __init__(self, stem, cells, head, width, auxiliary=None):
        super().__init__()
        self.stem, self.cells, self.head = stem, nn.ModuleList(cells), head
        self.classifier, self.auxiliary = nn.Linear(width, 10), auxiliary

    def weights(self, _):
        return None

    def forward(self, x):
        older = previous = self.stem(x)
        extra = None
        for i, cell in enumerate(self.cells):
            older, previous = previous, cell(older, previous, self.weights(i))
            if self.auxiliary is not None and i == 2 * len(self.cells) // 3:
                extra = self.auxiliary(previous)
        return self.classifier(self.head(previous).mean((2, 3))), extra


class DartsSearch(Network):
    def __init__(self):
        cells, edges = [], [(source, node, source) for node in range(4) for source in range(2 + node)]
        for C, older, previous, halves, larger in widths(48, 16, 8, 4):
            first = FactorizedReduce(older, C, False) if larger else relu_conv_norm(older, C, False)
            place = [(s, n, 2 if halves and s < 2 else 1) for s, n, _ in edges]
            cells.append(MixedCell(first, relu_conv_norm(previous, C, False), place, 4, make=lambda stride, C=C: [
                darts_operation(name, C, stride, False, True) for name in OPS]))
        stem = nn.Sequential(nn.Conv2d(3, 48, 3, 1, 1, bias=False), norm(48, True))
        super().__init__(stem, cells, nn.Identity(), 256)
        self.logits = nn.ParameterList(nn.Parameter(1e-3 * torch.randn(14, 8)) for _ in range(2))

    def weights(self, cell):
        return F.softmax(self.logits[cell in reductions(8)], 1)[:, 1:]


class BayesSearch(Network):
    def __init__(self):
        cells = []
        for C, older, previous, halves, larger in widths(108, 36, 8, 4):
            edges = []
            for node in range(4):
                reads_first = node > 0 and (halves or node == 3)
                edges += [(0, node), (2, node)] if reads_first else [(1, node), (0, node)]
            place = [(s, n, 2 if halves and s < 2 else 1) for s, n in edges]
            cells.append(SwitchedCell(bayes_input(older, C, larger), bayes_input(previous, C, False), place, 4,
                                      make=lambda stride, C=C: [bayes_operation(name, C, stride) for name in BAYES_OPS]))
        super().__init__(nn.Conv2d(3, 108, 3, 1, 1, bias=False), cells, nn.Sequential(norm(576, True), nn.ReLU()), 576)


class DartsV2(Network):
    def __init__(self):
        cells = []
        for C, older, previous, halves, larger in widths(108, 36, 20, 4):
            first = FactorizedReduce(older, C, True) if larger else relu_conv_norm(older, C, True)
            genotype = DARTS_V2['reduce' if halves else 'normal']
            place = [(s, e // 2, 2 if halves and s < 2 else 1) for e, (_, s) in enumerate(genotype)]
            cells.append(FixedCell(first, relu_conv_norm(previous, C, True), place, 4, make=[
                darts_operation(name, C, stride, True, False) for (name, _), (_, _, stride) in zip(genotype, place)]))
        stem = nn.Sequential(nn.Conv2d(3, 108, 3, 1, 1, bias=False), norm(108, True))
        auxiliary = nn.Sequential(nn.ReLU(), nn.AvgPool2d(5, 3, count_include_pad=False), nn.Conv2d(576, 128, 1, bias=False),
                                  norm(128, True), nn.ReLU(), nn.Conv2d(128, 768, 2, bias=False), norm(768, True),
                                  nn.ReLU(), nn.Flatten(), nn.Linear(768, 10))
        super().__init__(stem, cells, nn.Identity(), 576, auxiliary)


MODELS = {'darts-search': DartsSearch, 'bayesnas-search': BayesSearch, 'darts-v2': DartsV2}


class Training:
    def __init__(self, given):
        self.given = given
        torch.manual_seed(0)
        self.network = MODELS[given.model]().to(given.device).train()
        self.images = torch.randn(given.batch, 3, 32, 32, device=given.device)
        if given.variant == 'channels_last':
            self.network = self.network.to(memory_format=torch.channels_last)
            self.images = self.images.to(memory_format=torch.channels_last)
        self.labels = torch.arange(given.batch, device=given.device) % 10
        self.parameters = list(self.network.parameters())
        self.optimizer = torch.optim.SGD(self.parameters, 1e-3, 0.9, weight_decay=3e-4)

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.given.device, torch.bfloat16, enabled=self.given.autocast):
            logits, extra = self.network(self.images)
            loss = F.cross_entropy(logits, self.labels)
            if extra is not None:
                loss = loss + 0.4 * F.cross_entropy(extra, self.labels)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 5.0)
        self.optimizer.step()

    def captured(self):
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step()
        return graph.replay


def timed(step, steps, wait):
    times = []
    for i in range(-3, steps):
        wait()
        start = time.perf_counter()
        step()
        wait()
        if i >= 0:
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--model', choices=MODELS, required=True)
    parser.add_argument('--batch', type=int, default=64)
    parser.add_argument('--variant', choices=['eager', 'channels_last', 'graph'], default='eager')
    parser.add_argument('--autocast', action='store_true', help='bfloat16')
    parser.add_argument('--tf32', action='store_true')
    parser.add_argument('--steps', type=int, default=20)
    parser.add_argument('--device', default='cuda')
    parser.add_argument('--count', action='store_true')
    given = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = given.tf32
    torch.backends.cudnn.benchmark = True
    training = Training(given)
    if given.count:
        print(sum(p.numel() for p in training.parameters))
        return
    is_cuda = given.device.startswith('cuda')
    step = training.captured() if given.variant == 'graph' else training.step
    seconds = timed(step, given.steps, torch.cuda.synchronize if is_cuda else lambda: None)
    print(json.dumps({'model': given.model, 'batch': given.batch, 'variant': given.variant, 'autocast': given.autocast,
                      'tf32': given.tf32, 'step_s': seconds, 'torch': torch.__version__,
                      'peak_bytes': torch.cuda.max_memory_allocated() if is_cuda else None}))


if __name__ == '__main__':
    main()

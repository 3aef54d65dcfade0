"""The published networks for ResNet18 in PyTorch (paper section 3), as the benchmarks' peers use them. Development only."""
import json

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torchvision.models import resnet18

MEAN = np.array([0.485, 0.456, 0.406], 'f4')
DEVIATION = np.array([0.229, 0.224, 0.225], 'f4')


class Unit(nn.Sequential):
    def __init__(self, inputs, outputs, kernel, stride=1, up=False, relu=True):
        conv = nn.ConvTranspose2d(inputs, outputs, 2, 2, bias=False) if up else nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        super().__init__(conv, nn.BatchNorm2d(outputs), *([nn.ReLU(inplace=True)] if relu else []))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride=1, up=False):
        super().__init__()
        self.first = Unit(inputs, outputs, 3, stride, up)
        self.second = Unit(outputs, outputs, 3, relu=False)
        self.shortcut = Unit(inputs, outputs, 1, stride, up, relu=False) if stride != 1 or up else nn.Identity()

    def forward(self, x):
        return F.relu(self.second(self.first(x)) + self.shortcut(x), inplace=True)


class Student(nn.Module):
    """Bottleneck embedding and decoder; the teacher's three features in and out."""

    def __init__(self):
        super().__init__()
        self.from_first = nn.Sequential(Unit(64, 128, 3, 2), Unit(128, 256, 3, 2))
        self.from_second = Unit(128, 256, 3, 2)
        self.embedding = nn.Sequential(Block(768, 512, 2), Block(512, 512))
        self.stages = nn.ModuleList(nn.Sequential(Block(i, o, up=True), Block(o, o)) for i, o in ((512, 256), (256, 128), (128, 64)))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode='fan_out', nonlinearity='relu')

    def forward(self, f):
        x = self.embedding(torch.cat([self.from_first(f[0]), self.from_second(f[1]), f[2]], 1))
        out = []
        for stage in self.stages:
            x = stage(x)
            out.insert(0, x)
        return out


class Teacher(nn.Module):
    """torchvision's ResNet18 up to layer3, its norms folded into the convolutions as in the file; random weights without one.

    `whole` is how the published code runs it: it computes layer4, whose result nobody reads, and does not say that nothing of the teacher is trained,
    so that gradients are computed for all of it.
    """

    def __init__(self, file=None, whole=False):
        super().__init__()
        net = resnet18()
        if file:
            weights = read_safetensors(file)
            for name, module in list(net.named_modules()):
                if isinstance(module, nn.BatchNorm2d):
                    net.get_submodule(name.rpartition('.')[0]).__setattr__(name.rpartition('.')[2], nn.Identity())
                elif isinstance(module, nn.Conv2d) and not name.startswith('layer4'):
                    module.weight = nn.Parameter(weights.pop(f'{name}.weight'))
                    module.bias = nn.Parameter(weights.pop(f'{name}.bias'))
            assert all(name.startswith(('layer4', 'fc')) for name in weights), list(weights)
        self.stem = nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool)
        self.layers = nn.ModuleList([net.layer1, net.layer2, net.layer3])
        self.unread = net.layer4 if whole else None
        self.requires_grad_(whole)
        self.eval()

    def forward(self, x):
        x = self.stem(x)
        out = []
        for layer in self.layers:
            x = layer(x)
            out.append(x)
        if self.unread:
            self.unread(x)
        return out


def read_safetensors(file):
    with open(file, 'rb') as f:
        header = json.loads(f.read(int.from_bytes(f.read(8), 'little')))
        data = f.read()
    header.pop('__metadata__', None)
    return {
        name: torch.from_numpy(np.frombuffer(data[slice(*e['data_offsets'])], {'F32': 'f4', 'I64': 'i8'}[e['dtype']]).reshape(e['shape']).copy())
        for name, e in header.items()
    }


def distillation_loss(teacher, student):
    """One cosine over the flattened feature of each picture, as the published code computes it."""
    return sum(torch.mean(1 - F.cosine_similarity(t.flatten(1), s.flatten(1))) for t, s in zip(teacher, student))


def optimiser_of(student):
    return torch.optim.Adam(student.parameters(), lr=0.005, betas=(0.5, 0.999))


def scale_distances(teacher, student, size):
    """Sum of the three scales' 1 − cos, resized with aligned corners; still to be smoothed. [size, size] for one picture."""
    raw = 0
    for t, s in zip(teacher, student):
        distance = (1 - F.cosine_similarity(t, s)).unsqueeze(1)
        raw = raw + F.interpolate(distance, size=size, mode='bilinear', align_corners=True)[0, 0].numpy()
    return raw

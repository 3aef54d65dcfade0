"""PyTorch's side of bench/train.ts: the published student for ResNet18, its loss and Adam, on given features. A line in, a step; its milliseconds out."""
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(1)
torch.set_num_threads(2)


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
    def __init__(self):
        super().__init__()
        self.from_first = nn.Sequential(Unit(64, 128, 3, 2), Unit(128, 256, 3, 2))
        self.from_second = Unit(128, 256, 3, 2)
        self.embedding = nn.Sequential(Block(768, 512, 2), Block(512, 512))
        self.stages = nn.ModuleList(nn.Sequential(Block(i, o, up=True), Block(o, o)) for i, o in ((512, 256), (256, 128), (128, 64)))

    def forward(self, f):
        x = self.embedding(torch.cat([self.from_first(f[0]), self.from_second(f[1]), f[2]], 1))
        out = []
        for stage in self.stages:
            x = stage(x)
            out.insert(0, x)
        return out


features = [F.relu(2 * torch.rand(16, c, s, s) - 0.8) for c, s in ((64, 64), (128, 32), (256, 16))]
student = Student()
optimiser = torch.optim.Adam(student.parameters(), lr=0.005, betas=(0.5, 0.999))
print('ready', flush=True)
for _ in sys.stdin:
    begun = time.perf_counter()
    loss = sum(torch.mean(1 - F.cosine_similarity(t.flatten(1), s.flatten(1))) for t, s in zip(features, student(features)))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    print((time.perf_counter() - begun) * 1000, flush=True)

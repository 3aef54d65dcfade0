#!/usr/bin/env python3
"""Distils the pocket teacher from a ResNet18: feature regression at the three scales that reverse distillation looks at.

Usage: distil.py RESNET18.safetensors PHOTOGRAPHS OUT.safetensors [--start POCKET.safetensors] [--minutes 40] [--seed 1] [--threads 2]

With --start it goes on from a network that it made before, instead of from every second filter of the teacher.

PHOTOGRAPHS is a folder of ordinary pictures (short side about 288 pixels). 5 % of them are kept from training; the loss on
those is what is reported, and nothing else is looked at. Needs PyTorch, torchvision's relatives only for reading pictures:
Debian's python3-torch, python3-pil, python3-numpy. For development; the daemon never runs Python.
"""
import argparse
import glob
import json
import os
import struct
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
WIDTHS = (32, 64, 128)


def read_safetensors(path):
    with open(path, 'rb') as f:
        header = json.loads(f.read(struct.unpack('<Q', f.read(8))[0]))
        body = f.read()
    return {n: torch.frombuffer(bytearray(body[e['data_offsets'][0]:e['data_offsets'][1]]), dtype=torch.float32).reshape(e['shape'])
            for n, e in header.items() if n != '__metadata__'}


def read_metadata(path):
    with open(path, 'rb') as f:
        return json.loads(f.read(struct.unpack('<Q', f.read(8))[0]))['__metadata__']


def write_safetensors(path, tensors, metadata):
    header, body = {'__metadata__': metadata}, b''
    for name in sorted(tensors):
        data = tensors[name].detach().float().contiguous().numpy().tobytes()
        header[name] = {'dtype': 'F32', 'shape': list(tensors[name].shape), 'data_offsets': [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(path + '.part', 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text + body)
    os.replace(path + '.part', path)


def resnet_features(conv, x):
    """Stem and stages 1 to 3 of ResNet18; conv(x, name, stride, padding) is a convolution with whatever stands behind it."""
    x = F.max_pool2d(F.relu(conv(x, 'conv1', 2, 3)), 3, 2, 1)
    maps = []
    for layer, stride in (('layer1', 1), ('layer2', 2), ('layer3', 2)):
        for i, s in ((0, stride), (1, 1)):
            y = conv(F.relu(conv(x, f'{layer}.{i}.conv1', s, 1)), f'{layer}.{i}.conv2', 1, 1)
            x = F.relu(y + (conv(x, f'{layer}.{i}.downsample.0', s, 0) if s != 1 else x))
        maps.append(x)
    return maps


class Pocket(nn.Module):
    """Half the widths; starts from every second filter of the teacher."""

    def __init__(self, weights):
        super().__init__()
        self.convs, self.norms = nn.ModuleDict(), nn.ModuleDict()
        for name in sorted(n[:-7] for n in weights if n.endswith('.weight')):
            w = weights[name + '.weight']
            half = w[::2] if name == 'conv1' else w[::2, ::2]
            conv = nn.Conv2d(half.shape[1], half.shape[0], half.shape[2], bias=False)
            conv.weight.data.copy_(half)
            self.convs[name.replace('.', '_')] = conv
            self.norms[name.replace('.', '_')] = nn.BatchNorm2d(half.shape[0])
        self.adapters = nn.ModuleList(nn.Conv2d(c, 2 * c, 1) for c in WIDTHS)

    def start_from(self, folded, pictures):
        """Takes over a folded network: each norm is set so that on `pictures` it gives what the folded convolution gave."""
        def conv(x, name, stride, padding):
            key, weight, bias = name.replace('.', '_'), folded[name + '.weight'], folded[name + '.bias']
            y = F.conv2d(x, weight, None, stride, padding)
            norm, mean, variance = self.norms[key], y.mean((0, 2, 3)), y.var((0, 2, 3), unbiased=False)
            self.convs[key].weight.data.copy_(weight)
            norm.running_mean.copy_(mean), norm.running_var.copy_(variance)
            norm.weight.data.copy_(torch.sqrt(variance + norm.eps)), norm.bias.data.copy_(bias + mean)
            return y + bias.view(1, -1, 1, 1)
        with torch.no_grad():
            return resnet_features(conv, pictures)

    def fit_adapters(self, features, targets):
        """Least squares for the 1 × 1 convolutions that bring features to the widths of the teacher."""
        for adapter, x, y in zip(self.adapters, features, targets):
            columns = torch.cat([x.transpose(0, 1).flatten(1), torch.ones(1, x[:, 0].numel())]).double()
            rows = y.transpose(0, 1).flatten(1).double()
            found = torch.linalg.solve(columns @ columns.T + 1e-3 * torch.eye(len(columns)), columns @ rows.T).T.float()
            adapter.weight.data.copy_(found[:, :-1, None, None]), adapter.bias.data.copy_(found[:, -1])

    def features(self, x):
        def conv(x, name, stride, padding):
            key = name.replace('.', '_')
            return self.norms[key](F.conv2d(x, self.convs[key].weight, None, stride, padding))
        return resnet_features(conv, x)

    def forward(self, x):
        return [adapt(f) for adapt, f in zip(self.adapters, self.features(x))]

    def folded(self):
        """Each norm folded into its convolution, in torchvision's names."""
        out = {}
        for key, conv in self.convs.items():
            norm = self.norms[key]
            factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            name = key.replace('_', '.')
            out[name + '.weight'] = conv.weight * factor.view(-1, 1, 1, 1)
            out[name + '.bias'] = norm.bias - norm.running_mean * factor
        return out


def crops(pictures, indices, size, rng):
    """Random square crops of 25 to 100 % of the short side, mirrored half the time, in [0, 1]."""
    batch = []
    for i in indices:
        picture = pictures[i]
        side = int(min(picture.shape[:2]) * rng.uniform(0.25, 1))
        y, x = rng.integers(0, picture.shape[0] - side + 1), rng.integers(0, picture.shape[1] - side + 1)
        crop = torch.from_numpy(picture[y:y + side, x:x + side].copy()).permute(2, 0, 1)[None].float() / 255
        crop = F.interpolate(crop, size=(size, size), mode='bilinear', align_corners=False, antialias=side > size)
        batch.append(crop.flip(3) if rng.random() < 0.5 else crop)
    light = torch.from_numpy(rng.uniform(0.8, 1.2, (len(batch), 1, 1, 1)).astype('f4'))
    return ((torch.cat(batch) * light).clamp(0, 1) - MEAN) / STD


def main():
    args = argparse.ArgumentParser()
    args.add_argument('teacher'), args.add_argument('photographs'), args.add_argument('out')
    args.add_argument('--start')
    args.add_argument('--minutes', type=float, default=40)
    args.add_argument('--seed', type=int, default=1)
    args.add_argument('--threads', type=int, default=2)
    args = args.parse_args()
    torch.manual_seed(args.seed), torch.set_num_threads(args.threads)
    rng = np.random.default_rng(args.seed)
    weights = read_safetensors(args.teacher)
    files = sorted(glob.glob(os.path.join(args.photographs, '*.jpg')))
    pictures = [np.asarray(Image.open(f).convert('RGB')) for f in files]
    held = list(range(0, len(pictures), 20))
    trained = [i for i in range(len(pictures)) if i % 20]

    def teach(x):
        with torch.no_grad():
            return resnet_features(lambda x, n, s, p: F.conv2d(x, weights[n + '.weight'], weights[n + '.bias'], s, p), x)

    # Channels of a scale differ in size by orders: each is brought to mean 0 and deviation 1 over the photographs.
    seen = crops(pictures, trained[:128], 160, rng)
    sample = teach(seen)
    stats = [(f.mean((0, 2, 3), keepdim=True), f.std((0, 2, 3), keepdim=True) + 1e-3) for f in sample]
    held_batch = crops(pictures, held, 192, np.random.default_rng(0))
    held_target = teach(held_batch)
    student = Pocket(weights)
    before_steps, before_minutes, rate = 0, 0.0, 2e-3
    if args.start:
        made = student.start_from(read_safetensors(args.start), seen)
        student.fit_adapters(made, [(f - m) / s for f, (m, s) in zip(sample, stats)])
        metadata = read_metadata(args.start)
        before_steps, before_minutes, rate = int(metadata['steps']), float(metadata['minutes']), 1e-3
    optimiser = torch.optim.AdamW(student.parameters(), lr=rate, weight_decay=1e-4)

    def loss_of(output, target):
        return sum(F.mse_loss(o, (t - m) / s) for o, t, (m, s) in zip(output, target, stats)) / 3

    begun, step, recent, shown = time.time(), 0, [], 0
    averaged = {n: v.clone() for n, v in student.state_dict().items()}
    while (spent := (time.time() - begun) / 60 / args.minutes) < 1:
        warm = min(1, (step + 1) / 50)
        for group in optimiser.param_groups:
            group['lr'] = rate * warm * 0.5 * (1 + np.cos(np.pi * spent)) + 1e-5
        size = int(rng.choice([128, 160, 192]))
        x = crops(pictures, rng.choice(trained, 32, replace=False), size, rng)
        loss = loss_of(student(x), teach(x))
        optimiser.zero_grad(), loss.backward(), optimiser.step()
        step += 1
        recent.append(loss.item())
        for n, v in student.state_dict().items():
            averaged[n] = averaged[n] * 0.995 + v * 0.005 if v.is_floating_point() else v.clone()
        if time.time() - begun > (shown + 1) * 120 or time.time() - begun > args.minutes * 60:
            shown += 1
            own = {n: v.clone() for n, v in student.state_dict().items()}
            student.load_state_dict(averaged), student.eval()
            with torch.no_grad():
                parts = [F.mse_loss(o, (t - m) / s).item() for o, t, (m, s) in zip(student(held_batch), held_target, stats)]
            metadata = {'format': 'pt', 'architecture': 'pocket', 'layers': 'conv1,layer1,layer2,layer3', 'batchnorm': 'folded into each convolution (weight and bias)',
                        'origin': 'distilled by tools/distil from torchvision ResNet18_Weights.IMAGENET1K_V1 (BSD-3-Clause)', 'input': 'RGB in [0,1], ImageNet mean and std, NCHW',
                        'steps': str(before_steps + step), 'minutes': '%.1f' % (before_minutes + (time.time() - begun) / 60), 'held_out_loss': '%.4f' % np.mean(parts)}
            write_safetensors(args.out, student.folded(), metadata)
            student.load_state_dict(own), student.train()
            print('%.1f min, step %d, loss %.4f, held out %s' % ((time.time() - begun) / 60, step, np.mean(recent[-100:]), ' '.join('%.4f' % p for p in parts)), flush=True)


main()

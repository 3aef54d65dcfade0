"""PyTorch's side of bench/train.ts: the published student for ResNet18, its loss and Adam, on given features. A line in, a step; its milliseconds out."""
import sys
import time

import torch
import torch.nn.functional as F

from published import Student, distillation_loss, optimiser_of

torch.manual_seed(1)
torch.set_num_threads(2)
features = [F.relu(2 * torch.rand(16, c, s, s) - 0.8) for c, s in ((64, 64), (128, 32), (256, 16))]
student = Student()
optimiser = optimiser_of(student)
print('ready', flush=True)
for _ in sys.stdin:
    begun = time.perf_counter()
    loss = distillation_loss(features, student(features))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    print((time.perf_counter() - begun) * 1000, flush=True)

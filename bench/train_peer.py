"""PyTorch's side of bench/train.ts: the published student for ResNet18, its loss and Adam. A line in, a step; its milliseconds out.

'published' runs the teacher at every step, as the published code does; 'given' takes its features as they are.
"""
import sys
import time

import torch
import torch.nn.functional as F

from published import Student, Teacher, distillation_loss, optimiser_of

torch.manual_seed(1)
torch.set_num_threads(2)
pictures = torch.randn(16, 3, 256, 256)
features = [F.relu(2 * torch.rand(16, c, s, s) - 0.8) for c, s in ((64, 64), (128, 32), (256, 16))]
teacher, student = Teacher(whole=True), Student()
optimiser = optimiser_of(student)
print('ready', torch.__version__, flush=True)
for line in sys.stdin:
    begun = time.perf_counter()
    seen = teacher(pictures) if line.strip() == 'published' else features
    loss = distillation_loss(seen, student(seen))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    print((time.perf_counter() - begun) * 1000, flush=True)

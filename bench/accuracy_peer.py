"""PyTorch's side of bench/accuracy.ts: trains the published pair on DATASET/train/good and writes the maps of the pictures named on standard input.

accuracy_peer.py DATASET TEACHER ITERATIONS SEED THREADS OUT: OUT gets float32 [pictures, 256, 256], in the order of the names.
"""
import glob
import random
import sys

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from published import DEVIATION, MEAN, Student, Teacher, distillation_loss, optimiser_of, scale_distances

SIZE, BATCH = 256, 16
dataset, teacher_file, iterations, seed, threads, out = *sys.argv[1:3], *map(int, sys.argv[3:6]), sys.argv[6]
random.seed(seed)
np.random.seed(seed)
torch.manual_seed(seed)
torch.set_num_threads(threads)


def picture(file):
    resized = np.asarray(Image.open(file).convert('RGB').resize((SIZE, SIZE), Image.BILINEAR), 'f4')
    return torch.from_numpy(((resized / 255 - MEAN) / DEVIATION).transpose(2, 0, 1).copy())


teacher, student = Teacher(teacher_file), Student()
with torch.no_grad():
    seen = [teacher(picture(file)[None]) for file in sorted(glob.glob(f'{dataset}/train/good/*'))]
features = [torch.cat([f[k] for f in seen]) for k in range(3)]
optimiser, rest = optimiser_of(student), []
for _ in range(iterations):
    if len(rest) < BATCH:
        rest = list(np.random.permutation(len(seen)))
    chosen, rest = rest[:BATCH], rest[BATCH:]
    batch = [f[chosen] for f in features]
    loss = distillation_loss(batch, student(batch))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
student.eval()
with torch.no_grad(), open(out, 'wb') as f:
    for file in sys.stdin.read().splitlines():
        t = teacher(picture(file)[None])
        f.write(gaussian_filter(scale_distances(t, student(t), SIZE), sigma=4).astype('f4').tobytes())
print('loss', loss.item())

"""PyTorch's side of bench/accuracy: trains the published pair on DATASET/train/good and scores the pictures on standard input.

accuracy_peer.py DATASET TEACHER SEED THREADS OUT STEPS…: the lesson goes on to the most steps and is looked at after each of STEPS. Standard input is JSON, a list of
{path, defective}; OUT.STEPS gets for each picture, in its order, a float32 score and a float32 [256, 256] map. Prints one line of JSON: what was found after each of STEPS,
and versions. The algorithm has no threshold.
"""
import glob
import json
import random
import sys
import time

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from published import DEVIATION, MEAN, Student, Teacher, distillation_loss, optimiser_of, scale_distances

SIZE, BATCH = 256, 16
dataset, teacher_file, seed, threads, out = *sys.argv[1:3], *map(int, sys.argv[3:5]), sys.argv[5]
looked_at = {int(steps) for steps in sys.argv[6:]}
tested = [picture['path'] for picture in json.load(sys.stdin)]
random.seed(seed)
np.random.seed(seed)
torch.manual_seed(seed)
torch.set_num_threads(threads)


def picture(file):
    resized = np.asarray(Image.open(file).convert('RGB').resize((SIZE, SIZE), Image.BILINEAR), 'f4')
    return torch.from_numpy(((resized / 255 - MEAN) / DEVIATION).transpose(2, 0, 1).copy())


@torch.no_grad()
def score_all(file):
    student.eval()
    with open(file, 'wb') as f:
        for path in tested:
            t = teacher(picture(path)[None])
            smooth = gaussian_filter(scale_distances(t, student(t), SIZE), sigma=4).astype('f4')
            f.write(smooth.max().tobytes() + smooth.tobytes())
    student.train()


begun = time.monotonic()
teacher, student = Teacher(teacher_file), Student()
with torch.no_grad():
    seen = [teacher(picture(file)[None]) for file in sorted(glob.glob(f'{dataset}/train/good/*'))]
features = [torch.cat([f[k] for f in seen]) for k in range(3)]
optimiser, rest, scoring_seconds, found = optimiser_of(student), [], 0, {}
for step in range(1, max(looked_at) + 1):
    if len(rest) < BATCH:
        rest = list(np.random.permutation(len(seen)))
    chosen, rest = rest[:BATCH], rest[BATCH:]
    batch = [f[chosen] for f in features]
    loss = distillation_loss(batch, student(batch))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    if step in looked_at:
        taught = time.monotonic()
        found[step] = {'seconds': taught - begun - scoring_seconds, 'steps': step, 'threshold': None}
        score_all(f'{out}.{step}')
        scoring_seconds += time.monotonic() - taught
print(json.dumps({'found': found, 'versions': {'torch': torch.__version__}}))

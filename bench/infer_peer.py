"""PyTorch's side of bench/infer.ts: both networks for ResNet18 in eager mode, the map and its Gaussian. A line in, a picture; its milliseconds out.

'published' computes the teacher's layer4 too, as the published code does; 'needed' does not.
"""
import sys
import time

import torch
from scipy.ndimage import gaussian_filter

from published import Student, Teacher, scale_distances

torch.manual_seed(1)
torch.set_num_threads(2)
teachers, student = {'published': Teacher(whole=True), 'needed': Teacher()}, Student().eval()
picture = torch.rand(1, 3, 256, 256)
print('ready', torch.__version__, flush=True)
with torch.no_grad():
    for line in sys.stdin:
        begun = time.perf_counter()
        features = teachers[line.strip()](picture)
        score = gaussian_filter(scale_distances(features, student(features), 256), sigma=4).max()
        print((time.perf_counter() - begun) * 1000, flush=True)

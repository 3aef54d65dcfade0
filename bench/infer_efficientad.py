"""anomalib's EfficientAD-S for bench/infer.ts, untrained: in PyTorch, and as OpenVINO runs what it exports. A line in, a picture; its milliseconds out.

infer_efficientad.py THREADS: lines are 'torch' and 'openvino'.
"""
import sys
import time

import anomalib
import openvino as ov
import torch
from anomalib.models.image.efficient_ad.torch_model import EfficientAdModel, EfficientAdModelSize

threads = int(sys.argv[1])
torch.manual_seed(1)
torch.set_num_threads(threads)


class Whole(torch.nn.Module):
    """From bytes to map and score."""

    def __init__(self):
        super().__init__()
        self.model = EfficientAdModel(teacher_out_channels=384, model_size=EfficientAdModelSize.S).eval()
        for name, value in self.model.mean_std.items():
            value.data.fill_(1 if name == 'std' else 0)
        for name, value in self.model.quantiles.items():
            value.data.fill_(1 if name.startswith('qb') else 0)

    def forward(self, picture):
        found = self.model(picture.permute(0, 3, 1, 2).float() / 255)
        return found.anomaly_map, found.pred_score


whole = Whole().eval()
picture = torch.randint(0, 256, (1, 256, 256, 3), dtype=torch.uint8)
with torch.no_grad():
    converted = ov.convert_model(whole, example_input=picture, input=[([1, 256, 256, 3], ov.Type.u8)])
    settings = {'INFERENCE_NUM_THREADS': threads, 'PERFORMANCE_HINT': 'LATENCY', 'INFERENCE_PRECISION_HINT': 'f32'}
    request = ov.Core().compile_model(converted, 'CPU', settings).create_infer_request()
    runs = {'torch': lambda: whole(picture), 'openvino': lambda: request.infer([picture.numpy()])}
    print('ready', 'anomalib', anomalib.__version__, 'PyTorch', torch.__version__, 'OpenVINO', ov.__version__.split('-')[0], flush=True)
    for line in sys.stdin:
        begun = time.perf_counter()
        runs[line.strip()]()
        print((time.perf_counter() - begun) * 1000, flush=True)

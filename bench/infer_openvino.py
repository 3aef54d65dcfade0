"""OpenVINO's side of bench/infer.ts: the ONNX files of our sides. A line in, a picture; its milliseconds out.

infer_openvino.py THREADS NAME=FILE…: a line is NAME, where it computes in float32 what the file does not have in int8, or 'NAME free', where it may round to what the
processor has more of (bfloat16).
"""
import sys
import time

import numpy as np
import openvino as ov

threads, files = int(sys.argv[1]), dict(arg.split('=', 1) for arg in sys.argv[2:])
core = ov.Core()


def compiled(model, **more):
    return core.compile_model(model, 'CPU', {'INFERENCE_NUM_THREADS': threads, 'PERFORMANCE_HINT': 'LATENCY', **more})


def open_all(name, model):
    runs[name] = compiled(model, INFERENCE_PRECISION_HINT='f32').create_infer_request()
    runs[f'{name} free'] = compiled(model).create_infer_request()


random = np.random.default_rng(1)
runs = {}
for name, file in files.items():
    open_all(name, core.read_model(file))
pictures = {name: random.integers(0, 256, run.model_inputs[0].shape, 'u1') for name, run in runs.items()}
print('ready', ov.__version__.split('-')[0], flush=True)
for line in sys.stdin:
    name = line.strip()
    begun = time.perf_counter()
    runs[name].infer([pictures[name]])
    print((time.perf_counter() - begun) * 1000, flush=True)

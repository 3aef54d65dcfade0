"""anomalib's side of bench/accuracy: teaches one of its models on DATASET/train/good with the teacher that all sides have.

anomalib_peer.py MODEL DATASET TEACHER SEED THREADS OUT THRESHOLD…: MODEL is a row of MODELS; input and output are accuracy_peer.py's. Variants are where the threshold
comes from, a lesson each:
  labels  anomalib's own way: the best F1 on half of the test pictures, whose labels it is told; it learns from all good pictures
  good    the highest score of a fifth of the good pictures, which it does not learn from
"""
import json
import logging
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE='1', TQDM_DISABLE='1')
warnings.filterwarnings('ignore')

import anomalib
import torch
import torch.nn.functional as F
from anomalib.data import Folder
from anomalib.data.utils import read_image
from anomalib.engine import Engine
from anomalib.models import Patchcore, ReverseDistillation
from lightning.pytorch import seed_everything

from published import read_safetensors

SIZE, BATCH, STEPS = 256, 16, 50
# EfficientAD's teacher and the pictures that it is penalised on are downloads from a hub: it is not here.
MODELS = {
    # As many steps of as many pictures as the published algorithm's: the release itself would stop by labelled pixels.
    'reverse-distillation': {
        'make': lambda: ReverseDistillation(backbone='resnet18', pre_trained=False, evaluator=False, visualizer=False),
        'encoder': lambda model: model.model.encoder,
        'steps': STEPS,
    },
    # A hundredth of the patches is kept, as in the paper's fastest row: a tenth, the release's choice, takes an hour to choose on two cores.
    'patchcore': {
        'make': lambda: Patchcore(backbone='resnet18', pre_trained=False, coreset_sampling_ratio=0.01, evaluator=False, visualizer=False),
        'encoder': lambda model: model.model.feature_extractor,
        'steps': None,
    },
}
SPLITS = {
    'labels': {'val_split_mode': 'from_test', 'val_split_ratio': 0.5},
    'good': {'val_split_mode': 'from_train', 'val_split_ratio': 0.2},
}

name, dataset, teacher_file, seed, threads, out = *sys.argv[1:4], *map(int, sys.argv[4:6]), sys.argv[6]
tested = json.load(sys.stdin)
row = MODELS[name]
torch.set_num_threads(threads)
logging.disable(logging.WARNING)


def fill(encoder):
    """Folded convolutions into timm's ResNet18: its norms become the biases alone."""
    weights = read_safetensors(teacher_file)
    net = encoder.feature_extractor
    for path, module in list(net.named_modules()):
        if not isinstance(module, torch.nn.Conv2d) or path.startswith('layer4'):
            continue
        module.weight.data.copy_(weights.pop(f'{path}.weight'))
        norm = net.get_submodule(path.replace('conv', 'bn') if 'conv' in path else path[:-1] + '1')
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
        norm.weight.data.fill_(1)
        norm.bias.data.copy_(weights.pop(f'{path}.bias'))
    left = [key for key in weights if not key.startswith(('layer4', 'fc'))]
    assert not left, left
    return encoder.requires_grad_(False).eval()


def folders(defective):
    return sorted({str(Path(picture['path']).parent) for picture in tested if picture['defective'] == defective})


def teach(split):
    seed_everything(seed)
    torch.set_num_threads(threads)
    data = Folder(
        name='bench', normal_dir=f'{dataset}/train/good', normal_test_dir=folders(False), abnormal_dir=folders(True),
        train_batch_size=BATCH, eval_batch_size=BATCH, num_workers=0, seed=seed, **split,
    )
    model = row['make']()
    fill(row['encoder'](model))
    with tempfile.TemporaryDirectory() as folder:
        paced = {'max_steps': row['steps'], 'max_epochs': -1, 'limit_val_batches': 0} if row['steps'] else {}
        quiet = {'default_root_dir': folder, 'logger': False, 'enable_progress_bar': False, 'enable_model_summary': False}
        Engine(accelerator='cpu', devices=1, **quiet, **paced).fit(model=model, datamodule=data)
        if row['steps']:
            Engine(accelerator='cpu', devices=1, **quiet).validate(model=model, datamodule=data)
    return model.eval(), float(model.post_processor.image_threshold)


@torch.no_grad()
def score_all(model, file):
    with open(file, 'wb') as f:
        for picture in tested:
            image = model.pre_processor.transform(read_image(picture['path'], as_tensor=True)[None])
            found = model.model(image)
            map_ = found.anomaly_map.reshape(1, 1, *found.anomaly_map.shape[-2:])
            map_ = F.interpolate(map_, size=(SIZE, SIZE), mode='bilinear') if map_.shape[-1] != SIZE else map_
            f.write(found.pred_score.reshape(1).numpy().tobytes() + map_[0, 0].numpy().tobytes())


results = {}
for variant in sys.argv[7:]:
    begun = time.monotonic()
    model, threshold = teach(SPLITS[variant])
    results[variant] = {'seconds': time.monotonic() - begun, 'steps': row['steps'], 'threshold': threshold}
    score_all(model, f'{out}.{variant}')
print(json.dumps({'found': results, 'versions': {'anomalib': anomalib.__version__, 'torch': torch.__version__}}))

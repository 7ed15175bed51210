"""What the commands train: shapes, row lengths, rates. Another shape is another entry."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Phase:
    until: float  # share of the run at which the phase ends
    length: int  # tokens of a row
    rope_base: float


@dataclass(frozen=True)
class Preset:
    shape: dict  # of model.Config, without the vocabulary
    vocab: int
    phases: tuple[Phase, ...]
    tokens: int  # of an optimizer step
    micro: int  # of one forward and backward pass
    rate: float  # of AdamW: embeddings and norms
    muon_rate: float  # of Muon: all matrices
    warmup: float = 0.02  # share of the run
    decay: float = 0.45  # share of the run at whose end the rate falls to 2 %
    weight_decay: float = 0.05


PRESETS = {
    # The whole path in seconds, for the smoke test.
    "toy": Preset(
        shape=dict(dim=64, layers=2, heads=2, kv_heads=1, head_dim=32, ffn=160),
        vocab=512, phases=(Phase(0.7, 128, 1e4), Phase(1.0, 256, 1e4)),
        tokens=2048, micro=1024, rate=3e-3, muon_rate=0.02,
    ),
    # Two CPU cores: 5.05 M parameters, 2.95 M of them in the body.
    "tiny": Preset(
        shape=dict(dim=256, layers=4, heads=4, kv_heads=2, head_dim=64, ffn=704),
        vocab=8192, phases=(Phase(0.55, 512, 1e5), Phase(0.9, 1024, 1e5), Phase(1.0, 4096, 1e5)),
        tokens=8192, micro=4096, rate=2e-3, muon_rate=0.01,
    ),
    # One H200 for eight minutes: 44.6 M parameters, which two CPU cores still run at typing speed.
    "h200": Preset(
        shape=dict(dim=512, layers=12, heads=8, kv_heads=2, head_dim=64, ffn=1536),
        vocab=16384, phases=(Phase(0.85, 2048, 1e5), Phase(1.0, 8192, 1e5)),
        tokens=262_144, micro=65_536, rate=3e-3, muon_rate=0.02, warmup=0.01, decay=0.5, weight_decay=0.1,
    ),
    # The same shape gone on with from trained weights (--start-from), on another eight minutes: a lower peak, then down all the way.
    "h200-on": Preset(
        shape=dict(dim=512, layers=12, heads=8, kv_heads=2, head_dim=64, ffn=1536),
        vocab=16384, phases=(Phase(0.85, 2048, 1e5), Phase(1.0, 8192, 1e5)),
        tokens=262_144, micro=65_536, rate=2e-3, muon_rate=0.013, warmup=0.03, decay=0.97, weight_decay=0.1,
    ),
}  # fmt: skip

"""GGUF's tensor encodings: float32, float16, Q8_0 (32 int8 and a scale in 34 bytes), Q4_0 (32 four-bit values in 18 bytes).
Written in all of them; read back from all but Q4_0, which is too coarse to go on from."""
import numpy as np

F32, F16, Q4_0, Q8_0 = 0, 1, 2, 8
_BLOCK = 32


def encode(values: np.ndarray, type_: int) -> bytes:
    return {F32: _f32, F16: _f16, Q8_0: _q8_0, Q4_0: _q4_0}[type_](values.astype(np.float32))


def decode(data, offset: int, count: int, type_: int) -> np.ndarray:
    """`count` values of the tensor that begins `offset` bytes into the buffer `data`: [count] float32."""
    if type_ == F32:
        return np.frombuffer(data, "<f4", count, offset).astype(np.float32)
    if type_ == F16:
        return np.frombuffer(data, "<f2", count, offset).astype(np.float32)
    if type_ == Q8_0:
        blocks = np.frombuffer(data, [("scale", "<f2"), ("levels", "i1", _BLOCK)], count // _BLOCK, offset)
        return (blocks["scale"].astype(np.float32)[:, None] * blocks["levels"]).reshape(-1)
    raise SystemExit(f"tensor type {type_} is not read back: only F32, F16 and Q8_0")


def _f32(values: np.ndarray) -> bytes:
    return values.astype("<f4").tobytes()


def _f16(values: np.ndarray) -> bytes:
    return values.astype("<f2").tobytes()


def _q8_0(values: np.ndarray) -> bytes:
    blocks = values.reshape(-1, _BLOCK)
    scale = np.abs(blocks).max(1, keepdims=True) / 127
    return _joined(scale, np.round(blocks * _inverse(scale)).astype(np.int8).view(np.uint8))


def _q4_0(values: np.ndarray) -> bytes:
    blocks = values.reshape(-1, _BLOCK)
    # The value of the largest magnitude, sign included, becomes −8: the range is not symmetric.
    largest = np.abs(blocks).argmax(1)
    scale = blocks[np.arange(len(blocks)), largest][:, None] / -8
    levels = np.minimum(15, np.floor(blocks * _inverse(scale) + 8.5)).astype(np.uint8)
    return _joined(scale, levels[:, :16] | levels[:, 16:] << 4)


def _inverse(scale: np.ndarray) -> np.ndarray:
    return np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0)


def _joined(scale: np.ndarray, packed: np.ndarray) -> bytes:
    return np.concatenate([scale.astype("<f2").view(np.uint8), packed], 1).tobytes()

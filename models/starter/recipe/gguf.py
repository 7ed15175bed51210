"""Our checkpoints as GGUF version 3 (architecture `llama`), written and, all but Q4_0, read back.

Query and key rows are permuted from half-split to neighbouring pairs, as that architecture rotates them. Embeddings are tied:
there is no output.weight, and in a Q4_0 file token_embd, being the head too, stays Q8_0.
"""
import mmap
import struct

import numpy as np
import torch

from bpe import Tokenizer
from quantize import F16, F32, Q4_0, Q8_0, decode, encode

KINDS = {"f16": (F16, 1), "q8_0": (Q8_0, 7), "q4_0": (Q4_0, 2)}  # tensor type, general.file_type
_ALIGNMENT = 32

_U32, _I32, _FLOAT, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}


def write(path: str, config: dict, weights: dict[str, np.ndarray], tokenizer: Tokenizer, kind: str, info: dict[str, str]) -> int:
    """`info` holds name, description and license, of a model that answers also its chat template. Returns the file's size in bytes."""
    metadata = list(_metadata(config, weights, tokenizer, kind, info))
    tensors = []
    for name, values in _tensors(config, weights):
        type_ = F32 if values.ndim == 1 else Q8_0 if kind == "q4_0" and name == "token_embd.weight" else KINDS[kind][0]
        tensors.append((name, values.shape, type_, encode(values, type_)))
    header = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    header += [_string(key) + struct.pack("<I", type_) + _value(type_, value) for key, type_, value in metadata]
    offset = 0
    for name, shape, type_, data in tensors:
        header.append(_string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape[::-1], type_, offset))
        offset += _aligned(len(data))
    with open(path, "wb") as file:
        for data in (b"".join(header), *(data for *_, data in tensors)):
            file.write(data.ljust(_aligned(len(data)), b"\0"))
        return file.tell()


def read(path: str) -> tuple[dict, dict[str, torch.Tensor], Tokenizer]:
    """Config, weights under the names of model.py, tokenizer. Only files that `write` made, with kind f16 or q8_0."""
    with open(path, "rb") as file:
        reader = _Reader(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    metadata, tensors = reader.header()
    get = lambda key: metadata["llama." + key]
    config = dict(
        vocab=get("vocab_size"), dim=get("embedding_length"), layers=get("block_count"), heads=get("attention.head_count"),
        kv_heads=get("attention.head_count_kv"), head_dim=get("attention.key_length"), ffn=get("feed_forward_length"),
        rope_base=get("rope.freq_base"), eps=get("attention.layer_norm_rms_epsilon"), context=get("context_length"),
    )  # fmt: skip
    weights = {"embed.weight": tensors["token_embd.weight"], "norm.weight": tensors["output_norm.weight"]}
    for i in range(config["layers"]):
        part = lambda name: tensors[f"blk.{i}.{name}.weight"]
        q, k = _half_split(part("attn_q"), config["heads"]), _half_split(part("attn_k"), config["kv_heads"])
        block = {
            "norm1": part("attn_norm"), "qkv": np.concatenate([q, k, part("attn_v")]), "o": part("attn_output"),
            "norm2": part("ffn_norm"), "gate_up": np.concatenate([part("ffn_gate"), part("ffn_up")]), "down": part("ffn_down"),
        }  # fmt: skip
        weights.update({f"blocks.{i}.{name}.weight": values for name, values in block.items()})
    ids = {text: token for token, text in enumerate(metadata["tokenizer.ggml.tokens"])}
    merges = [tuple(ids[part] for part in merge.split(" ")) for merge in metadata["tokenizer.ggml.merges"]]
    specials = metadata["tokenizer.ggml.tokens"][256 + len(merges) :]
    return config, {name: torch.from_numpy(values) for name, values in weights.items()}, Tokenizer(merges, specials)


def _metadata(config, weights, tokenizer, kind, info):
    specials = tokenizer.special
    of = lambda name: specials[f"<|{name}|>"]
    fills = "<|fim_middle|>" in specials
    first = min(specials.values())
    millions = sum(values.size for values in weights.values()) / 1e6
    yield "general.architecture", _STRING, "llama"
    yield "general.type", _STRING, "model"
    for key in ("name", "description", "license"):
        yield f"general.{key}", _STRING, info[key]
    yield "general.size_label", _STRING, f"{millions:.1f}M"
    yield "general.tags", _ARRAY, (_STRING, ["code", "fill-in-the-middle" if fills else "chat", "typescript", "javascript", "python"])
    yield "general.file_type", _U32, KINDS[kind][1]
    yield "general.quantization_version", _U32, 2
    yield "llama.block_count", _U32, config["layers"]
    yield "llama.context_length", _U32, config["context"]
    yield "llama.embedding_length", _U32, config["dim"]
    yield "llama.feed_forward_length", _U32, config["ffn"]
    yield "llama.attention.head_count", _U32, config["heads"]
    yield "llama.attention.head_count_kv", _U32, config["kv_heads"]
    for key in ("attention.key_length", "attention.value_length", "rope.dimension_count"):
        yield f"llama.{key}", _U32, config["head_dim"]
    yield "llama.rope.freq_base", _FLOAT, config["rope_base"]
    yield "llama.attention.layer_norm_rms_epsilon", _FLOAT, config["eps"]
    yield "llama.vocab_size", _U32, tokenizer.size
    yield "tokenizer.ggml.model", _STRING, "gpt2"
    yield "tokenizer.ggml.pre", _STRING, "qwen2"
    strings = tokenizer.strings()
    yield "tokenizer.ggml.tokens", _ARRAY, (_STRING, strings)
    yield "tokenizer.ggml.token_type", _ARRAY, (_I32, [3 if token >= first else 1 for token in range(tokenizer.size)])
    yield "tokenizer.ggml.merges", _ARRAY, (_STRING, [f"{strings[left]} {strings[right]}" for left, right in tokenizer.merges])
    turn_end = "im_end" if "<|im_end|>" in specials else "endoftext"
    for key, name in dict(bos="endoftext", eos=turn_end, eot=turn_end, padding="fim_pad" if fills else "endoftext").items():
        yield f"tokenizer.ggml.{key}_token_id", _U32, of(name)
    for key in ("add_bos_token", "add_eos_token", "add_space_prefix"):
        yield f"tokenizer.ggml.{key}", _BOOL, False
    markers = dict(pre="fim_prefix", suf="fim_suffix", mid="fim_middle", pad="fim_pad", rep="repo_name", sep="file_sep")
    for key, name in markers.items() if fills else ():
        yield f"tokenizer.ggml.fim_{key}_token_id", _U32, of(name)
    if "template" in info:
        yield "tokenizer.chat_template", _STRING, info["template"]


def _tensors(config, weights):
    yield "token_embd.weight", weights["embed.weight"]
    heads, kv_heads, head_dim = config["heads"], config["kv_heads"], config["head_dim"]
    for i in range(config["layers"]):
        of = lambda name: weights[f"blocks.{i}.{name}.weight"]
        q, k, v = np.split(of("qkv"), np.cumsum([heads * head_dim, kv_heads * head_dim]))
        gate, up = np.split(of("gate_up"), 2)
        block = dict(
            attn_norm=of("norm1"), attn_q=_neighbours(q, heads), attn_k=_neighbours(k, kv_heads), attn_v=v,
            attn_output=of("o"), ffn_norm=of("norm2"), ffn_gate=gate, ffn_up=up, ffn_down=of("down"),
        )  # fmt: skip
        for name, values in block.items():
            yield f"blk.{i}.{name}.weight", values
    yield "output_norm.weight", weights["norm.weight"]


def _neighbours(rows: np.ndarray, heads: int) -> np.ndarray:
    return rows.reshape(heads, 2, -1, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def _half_split(rows: np.ndarray, heads: int) -> np.ndarray:
    return rows.reshape(heads, -1, 2, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(type_: int, value) -> bytes:
    if type_ == _STRING:
        return _string(value)
    if type_ == _ARRAY:
        item, values = value
        return struct.pack("<IQ", item, len(values)) + b"".join(_value(item, v) for v in values)
    return struct.pack(_SCALARS[type_], value)


class _Reader:
    def __init__(self, data):
        self._data = data
        self._at = 0

    def header(self) -> tuple[dict, dict[str, np.ndarray]]:
        magic, version, tensors, keys = self._take("<4sIQQ")
        if magic != b"GGUF" or version != 3:
            raise SystemExit("not a GGUF file of version 3")
        metadata = {}
        for _ in range(keys):
            key, type_ = self._string(), self._take("<I")[0]
            metadata[key] = self._item(type_)
        places = []
        for _ in range(tensors):
            name, dimensions = self._string(), self._take("<I")[0]
            places.append((name, self._take(f"<{dimensions}Q")[::-1], *self._take("<IQ")))
        begin = _aligned(self._at)
        values = {}
        for name, shape, type_, offset in places:
            values[name] = decode(self._data, begin + offset, int(np.prod(shape)), type_).reshape(shape)
        return metadata, values

    def _take(self, layout: str) -> tuple:
        found = struct.unpack_from(layout, self._data, self._at)
        self._at += struct.calcsize(layout)
        return found

    def _string(self) -> str:
        size = self._take("<Q")[0]
        self._at += size
        return self._data[self._at - size : self._at].decode()

    def _item(self, type_: int):
        if type_ == _STRING:
            return self._string()
        if type_ == _ARRAY:
            item, count = self._take("<IQ")
            return [self._item(item) for _ in range(count)]
        return self._take(_SCALARS[type_])[0]

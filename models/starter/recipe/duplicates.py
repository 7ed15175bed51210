"""Files seen before: exactly (white space aside), or nearly, by a sketch of their lines."""
import collections
import hashlib
import re
import zlib

# A file whose sketch agrees with an earlier one in this share of places is a near duplicate.
NEAR = 0.5
_PLACES = 32
_BAND = 4  # sketches that agree in one run of this many places are compared
_EMPTY = 1 << 40


class Duplicates:
    """Remembers every file that was kept."""

    def __init__(self):
        self._exact = set()
        self._bands = collections.defaultdict(list)

    def kind(self, text: str) -> str | None:
        """"exact", "near", or None for a new file, which is remembered."""
        digest = hashlib.sha1(re.sub(r"\s+", " ", text).encode()).digest()
        if digest in self._exact:
            return "exact"
        self._exact.add(digest)
        sketch = line_sketch(text)
        if sketch is None:
            return None
        bands = [(i, *sketch[i : i + _BAND]) for i in range(0, _PLACES, _BAND)]
        bands = [band for band in bands if min(band[1:]) < _EMPTY]
        candidates = {id(other): other for band in bands for other in self._bands[band][:20]}
        if any(similarity(sketch, other) >= NEAR for other in candidates.values()):
            return "near"
        for band in bands:
            self._bands[band].append(sketch)
        return None


def line_sketch(text: str) -> list[int] | None:
    """One-permutation minhash of the set of lines longer than 8 characters; None where there are fewer than five."""
    lines = {line.strip() for line in text.split("\n")}
    hashes = {zlib.crc32(line.encode()) for line in lines if len(line) > 8}
    if len(hashes) < 5:
        return None
    sketch = [_EMPTY] * _PLACES
    for value in hashes:
        place = value % _PLACES
        sketch[place] = min(sketch[place], value // _PLACES)
    return sketch


def similarity(a: list[int], b: list[int]) -> float:
    """Estimated share of common lines, 0 to 1."""
    used = [(x, y) for x, y in zip(a, b) if x < _EMPTY or y < _EMPTY]
    return sum(x == y for x, y in used) / len(used)

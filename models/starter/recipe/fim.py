"""A stretch of source → a fill-in-the-middle example, cut where an editor's cursor would stand.

One order only, suffix first, as `src/prompt/order.ts` prompts this model:

    <|fim_prefix|> <|fim_suffix|> suffix <|fim_middle|> prefix middle <|endoftext|>

What follows <|fim_middle|> is always the prefix. Mixed with the prefix-first order, whose prompts end in the same marker, a
small model resolves the doubt towards the beginning of a file.
"""
import numpy as np

from bpe import Tokenizer

# Shares of the kinds of middles; the rest lies inside one line.
_SPAN = 0.2  # between two random characters, at most a quarter of the stretch
_LINE = 0.6  # from the cursor to the end of its line, now and then of some more lines
_AT_INDENTATION = 0.4  # of the cursors in a line stand before its first visible character
_ONE_MORE_LINE = 0.3

SMALLEST = 40  # bytes


def fim_example(tokens: list[int], tokenizer: Tokenizer, random: np.random.Generator) -> list[int] | None:
    """None where the stretch has no line to cut. Ends with <|endoftext|>."""
    pieces = [tokenizer.bytes[token] for token in tokens]
    text = b"".join(pieces)
    cut = choose_cut(text, random) if len(text) >= SMALLEST else None
    if cut is None:
        return None
    start, end = cut
    offsets = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])])
    part = lambda a, b: _tokens_of(tokens, offsets, text, a, b, tokenizer)
    prefix, middle, suffix = part(0, start), part(start, end), part(end, len(text))
    return [tokenizer.prefix, tokenizer.suffix, *suffix, tokenizer.middle, *prefix, *middle, tokenizer.end]


def choose_cut(text: bytes, random: np.random.Generator) -> tuple[int, int] | None:
    """Where the middle begins and ends, in bytes, never inside a character."""
    kind = random.random()
    if kind < _SPAN:
        start = int(random.integers(0, len(text)))
        end = min(len(text), start + int(random.integers(1, max(2, len(text) // 4))))
    else:
        line = _visible_line(text, random)
        if line is None:
            return None
        visible, line_end = line
        start = visible if random.random() < _AT_INDENTATION else int(random.integers(visible, line_end))
        if kind < _SPAN + _LINE:
            end = line_end
            while end < len(text) and random.random() < _ONE_MORE_LINE:
                end = _line_end(text, end + 1)
        else:
            end = int(random.integers(start + 1, line_end + 1))
    while 0 < start < len(text) and text[start] & 0xC0 == 0x80:
        start -= 1
    while end < len(text) and text[end] & 0xC0 == 0x80:
        end += 1
    return (start, end) if start < end else None


def _visible_line(text: bytes, random: np.random.Generator) -> tuple[int, int] | None:
    """The first visible byte and the end of a random line with at least three visible bytes."""
    for _ in range(8):
        at = int(random.integers(0, len(text)))
        start, end = text.rfind(b"\n", 0, at) + 1, _line_end(text, at)
        visible = end - len(text[start:end].lstrip())
        if end - visible >= 3:
            return visible, end
    return None


def _line_end(text: bytes, at: int) -> int:
    found = text.find(b"\n", at)
    return found if found >= 0 else len(text)


def _tokens_of(tokens, offsets, text: bytes, start: int, end: int, tokenizer: Tokenizer) -> list[int]:
    """Tokens of text[start:end] as an editor would send them: whole lines keep theirs, the lines that are cut get new ones."""
    if start == end:
        return []
    # Line starts are token boundaries wherever a token does not span the line end; the search below finds the next one.
    first = 0 if start == 0 else int(np.searchsorted(offsets, _line_end(text, start) + 1))
    last = len(tokens) if end == len(text) else int(np.searchsorted(offsets, text.rfind(b"\n", 0, end) + 1, "right")) - 1
    encode = lambda a, b: tokenizer.encode(text[a:b].decode("utf-8", "replace"))
    if first >= last or offsets[min(first, len(tokens))] > end:
        return encode(start, end)
    return [*encode(start, int(offsets[first])), *tokens[first:last], *encode(int(offsets[last]), end)]

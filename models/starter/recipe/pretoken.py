"""Qwen2's pre-tokenizer without \\p{…}, which Python's `re` does not know: `tokenizer.ggml.pre = qwen2` splits the same way."""
import re
import sys
import unicodedata

# \w is letters, all numbers and "_"; \d only decimal digits. The other numbers (², Ⅷ, ½) have to be named.
_OTHER_NUMBERS = "".join(c for c in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(c) in ("Nl", "No"))
_NUMBER = rf"[\d{_OTHER_NUMBERS}]"
_LETTER = rf"[^\W\d_{_OTHER_NUMBERS}]"

_PATTERN = re.compile(
    r"'[sStTmMdD]|'(?:[rR][eE]|[vV][eE]|[lL][lL])"
    rf"|(?:[^\r\n\w]|_)?{_LETTER}+"
    rf"|{_NUMBER}"
    r"| ?(?:[^\s\w]|_)+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# The same, as tokenizer.json and other libraries write it.
SOURCE = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

split = _PATTERN.findall

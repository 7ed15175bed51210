"""A commit of a bare git repository, read without a work tree."""
import subprocess
from typing import Iterator, NamedTuple


class Entry(NamedTuple):
    path: str
    blob: str  # object id
    size: int  # bytes


class Snapshot:
    def __init__(self, folder: str, commit: str):
        """`folder` is the git directory."""
        self._git = ["git", "-c", "safe.directory=*", "--git-dir", folder]
        self.commit = self._output("rev-parse", "--verify", f"{commit}^{{commit}}").decode().strip()

    def entries(self) -> list[Entry]:
        """Every regular file whose content is there."""
        found = []
        for line in self._output("ls-tree", "-r", "-l", "-z", self.commit).split(b"\0"):
            if not line:
                continue
            fields, path = line.split(b"\t", 1)
            mode, kind, blob, size = fields.split()
            if kind == b"blob" and mode != b"120000" and size.isdigit():
                found.append(Entry(path.decode("utf-8", "replace"), blob.decode(), int(size)))
        return found

    def contents(self, blobs: list[str]) -> Iterator[bytes]:
        """The blobs' contents in order, through one process; an absent blob is empty."""
        with subprocess.Popen([*self._git, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
            for start in range(0, len(blobs), 64):  # few enough that neither pipe fills up
                part = blobs[start : start + 64]
                reader.stdin.write("".join(blob + "\n" for blob in part).encode())
                reader.stdin.flush()
                for _ in part:
                    header = reader.stdout.readline().split()
                    if header[-1] == b"missing":
                        yield b""
                        continue
                    content = reader.stdout.read(int(header[2]))
                    reader.stdout.read(1)
                    yield content
            reader.stdin.close()

    def _output(self, *arguments: str) -> bytes:
        return subprocess.run([*self._git, *arguments], stdout=subprocess.PIPE, check=True).stdout

# SPDX-License-Identifier: MIT
"""wsgi.file_wrapper (PEP 3333, "Optional Platform-Specific File Handling").

The server recognises the type and sends regular files with sendfile(2); for
everything else it is an ordinary iterable of blocks.
"""

import io

# What reads a descriptor as it is.
KINDS = (io.BufferedRandom, io.BufferedReader, io.FileIO)


class FileWrapper:
    def __init__(self, filelike, blksize=8192):
        self.filelike = filelike
        self.blksize = blksize
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self):
        return self

    def __next__(self):
        data = self.filelike.read(self.blksize)
        if data:
            return data
        raise StopIteration

    def _file(self):
        """Descriptor and position of the file whose bytes the blocks are; None when they may be others.

        An object with a read() of its own (gzip, a limit, a progress bar) can well have the descriptor of
        something else, so only Python's own files count, also behind an object that hands their read() on.
        """
        filelike = self.filelike
        if type(filelike).__name__ == "_TemporaryFileWrapper":  # it wraps each method in a function
            filelike = getattr(filelike, "file", filelike)
        owner = getattr(getattr(filelike, "read", None), "__self__", None)
        kind = next((kind for kind in KINDS if isinstance(owner, kind)), None)
        if kind is None or type(owner).read is not kind.read:
            return None
        raw = owner if kind is io.FileIO else owner.raw
        if not isinstance(raw, io.FileIO) or type(raw).readinto is not io.FileIO.readinto:
            return None
        try:
            kind.flush(owner)
            return (io.FileIO.fileno(raw), kind.tell(owner)) if raw.readable() else None
        except (OSError, ValueError):  # a pipe, a closed file: reading says what is wrong
            return None

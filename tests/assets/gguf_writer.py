"""A minimal GGUF (version 3) writer. Python's standard library only, so that tests need no package."""
import array
import os
import struct
import sys

F32, F16, Q8_0 = 0, 1, 8
Q8_0_BLOCK = 32
ALIGNMENT = 32
U32, I32, FLOAT, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9


def _string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _q8_0(block):
    """A scale in half precision, then a signed byte for each value."""
    scale = max(map(abs, block)) / 127
    return struct.pack(f"<e{Q8_0_BLOCK}b", scale, *(round(value / scale) if scale else 0 for value in block))


class GgufWriter:
    """Collects metadata and tensors, then writes them in one go. Same calls, same bytes."""

    def __init__(self, architecture):
        self._metadata = []
        self._tensors = []
        self.string("general.architecture", architecture)

    def _put(self, key, kind, payload):
        self._metadata.append(_string(key) + struct.pack("<I", kind) + payload)

    def u32(self, key, value):
        self._put(key, U32, struct.pack("<I", value))

    def f32(self, key, value):
        self._put(key, FLOAT, struct.pack("<f", value))

    def bool(self, key, value):
        self._put(key, BOOL, struct.pack("<?", value))

    def string(self, key, value):
        self._put(key, STRING, _string(value))

    def strings(self, key, values):
        self._put(key, ARRAY, struct.pack("<IQ", STRING, len(values)) + b"".join(map(_string, values)))

    def i32s(self, key, values):
        self._put(key, ARRAY, struct.pack(f"<IQ{len(values)}i", I32, len(values), *values))

    def f32s(self, key, values):
        self._put(key, ARRAY, struct.pack(f"<IQ{len(values)}f", FLOAT, len(values), *values))

    def tensor(self, name, shape, values, kind=F32):
        """`shape` is in ggml's order: the length of a row comes first."""
        count = 1
        for length in shape:
            count *= length
        assert count == len(values), (name, shape, len(values))
        if kind == F16:
            data = struct.pack(f"<{count}e", *values)
        elif kind == Q8_0:
            assert shape[0] % Q8_0_BLOCK == 0, (name, shape)
            data = b"".join(_q8_0(values[i:i + Q8_0_BLOCK]) for i in range(0, count, Q8_0_BLOCK))
        else:
            floats = array.array("f", values)
            if sys.byteorder == "big":
                floats.byteswap()
            data = floats.tobytes()
        self._tensors.append((name, shape, kind, data))

    def write(self, path):
        """Writes through a temporary name: a reader never sees half a file."""
        head = b"GGUF" + struct.pack("<IQQ", 3, len(self._tensors), len(self._metadata)) + b"".join(self._metadata)
        offset = 0
        for name, shape, kind, data in self._tensors:
            head += _string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
            offset += len(data) + -len(data) % ALIGNMENT
        part = f"{path}.part"
        with open(part, "wb") as out:
            out.write(head + bytes(-len(head) % ALIGNMENT))
            for *_, data in self._tensors:
                out.write(data + bytes(-len(data) % ALIGNMENT))
        os.replace(part, path)

"""npy files and clips with nothing but Python's own library, so that what measures memory needs none and tests run anywhere."""

import array
import ast
import math
import struct

MAGIC = b"\x93NUMPY\x01\x00"
CODES = {"<f4": "f", "<f8": "d", "|u1": "B"}


def load(path):
    """(shape, array) of a little-endian npy file of f4, f8 or u1 in C order."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:8] != MAGIC:
        raise ValueError(f"{path}: no npy file of version 1.0")
    (length,) = struct.unpack("<H", data[8:10])
    header = ast.literal_eval(data[10:10 + length].decode("ascii"))
    if header["fortran_order"] or header["descr"] not in CODES:
        raise ValueError(f"{path}: {header} is not read here")
    values = array.array(CODES[header["descr"]])
    values.frombytes(data[10 + length:])
    if len(values) != math.prod(header["shape"]):
        raise ValueError(f"{path}: {len(values)} numbers for {header['shape']}")
    return header["shape"], values


def save(path, shape, values):
    """Writes an array.array of floats or bytes."""
    descr = {code: descr for descr, code in CODES.items()}[values.typecode]
    header = repr({"descr": descr, "fortran_order": False, "shape": tuple(shape)}).encode("ascii")
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    with open(path, "wb") as file:
        file.write(MAGIC + struct.pack("<H", len(header)) + header + values.tobytes())


def batch_of(shape, frames, batch, length=None):
    """x [N,3,T,H,W], f4 in 0..1, of a clip u8 [T,H,W,3]: sample i is the clip beginning with its frame 10 i, and repeated until
    it has `length` frames. The first one is the clip itself."""
    count, height, width, channels = shape
    length = length or count
    scale = [value / 255 for value in range(256)]
    plane = height * width
    clip = [array.array("f", [scale[value] for value in frames[channel::channels]]) for channel in range(channels)]
    x = array.array("f")
    for sample in range(batch):
        for channel in range(channels):
            for t in range(length):
                start = (t + 10 * sample) % count * plane
                x += clip[channel][start:start + plane]
    return (batch, channels, length, height, width), x


ALPHABET = " ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # class 0 is CTC's blank


def greedy_text(logits, classes=28):
    """The sentence of logits [T,28], any sequence of numbers: the best class of every frame, repetitions and blanks dropped."""
    text, last = "", 0
    for start in range(0, len(logits), classes):
        row = list(logits[start:start + classes])
        best = row.index(max(row))
        if best and best != last:
            text += ALPHABET[best - 1]
        last = best
    return text

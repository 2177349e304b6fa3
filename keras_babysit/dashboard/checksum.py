"""CRC-32C of the records of event files, computed in parallel lanes.

TensorBoard computes it byte by byte in Python, which takes longer than everything else that reading
a run takes. A checksum is linear: those of pieces of equal length are computed at once, and then
combined in pairs.
"""

from __future__ import annotations

import functools

import numpy as np

POLYNOMIAL = 0x82F63B78
"""The reversed polynomial of Castagnoli (RFC 3720)."""

PIECE = 16
"""Bytes of a lane."""

SHORT = 1024
"""Bytes up to which TensorBoard's own function is faster."""


def masked_crc32c(data: bytes) -> int:
    """Return the checksum of `data`, masked as in event files.

    Example:
        >>> hex(masked_crc32c(b"123456789"))
        '0xc78ab0e5'
    """
    if len(data) < SHORT:
        from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c as short

        return int(short(data))
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of at least four bytes.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    lanes = 1 << max(0, (-(-len(data) // PIECE) - 1).bit_length())
    # Zeros in front change nothing, as the state is zero until the first byte that is not.
    padded = np.zeros(lanes * PIECE, np.uint8)
    start = len(padded) - len(data)
    padded[start:] = np.frombuffer(data, np.uint8)
    padded[start : start + 4] ^= 0xFF  # the state at the start is all ones
    pieces = padded.reshape(lanes, PIECE)
    table, state = _byte_table(), np.zeros(lanes, np.uint32)
    for column in range(PIECE):
        state = table[(state ^ pieces[:, column]) & 0xFF] ^ (state >> np.uint32(8))
    length = PIECE
    while len(state) > 1:
        state = _advanced(state[::2], length) ^ state[1::2]
        length *= 2
    return int(state[0]) ^ 0xFFFFFFFF


def _advanced(state: np.ndarray, length: int) -> np.ndarray:
    """Return states after `length` bytes of zeros."""
    tables = _zeros_tables(length)
    parts = [tables[i][(state >> np.uint32(8 * i)) & 0xFF] for i in range(4)]
    advanced: np.ndarray = parts[0] ^ parts[1] ^ parts[2] ^ parts[3]
    return advanced


@functools.cache
def _byte_table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(POLYNOMIAL), table >> 1)
    return table


@functools.cache
def _zeros_tables(length: int) -> np.ndarray:
    """Return what `length` bytes of zeros make of each byte of a state, shape `(4, 256)`."""
    values = np.arange(256, dtype=np.uint32)
    state = np.stack([values << np.uint32(8 * i) for i in range(4)])
    if length > PIECE:
        return _advanced(_advanced(state, length // 2), length // 2)
    table = _byte_table()
    for _ in range(length):
        state = table[state & 0xFF] ^ (state >> np.uint32(8))
    return state

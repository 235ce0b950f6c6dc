"""The numbers of a run that its method must not be able to compute."""

from __future__ import annotations

import hashlib

from benchbench.system.arrays import IntArray
from benchbench.system.randomness import permutation


class Nonce:
    """A secret of one run, from which its image ids, orders of queries and seeds are derived.

    Whoever knows it can repeat the run bit for bit; the process of the method does not, and the
    manifest names it only once the run is finished.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._ids: dict[int, IntArray] = {}

    @classmethod
    def derived(cls, salt: bytes, run: str) -> Nonce:
        """The nonce of a run in a results folder of this salt."""
        return cls(hashlib.blake2b(run.encode(), key=salt[:64], digest_size=16).digest())

    @property
    def hex(self) -> str:
        return self._secret.hex()

    def number(self, *purpose: object, size: int = 7) -> int:
        """An integer below 256 ** size that belongs to the purpose alone."""
        text = "/".join(map(str, purpose)).encode()
        digest = hashlib.blake2b(text, key=self._secret, digest_size=size).digest()
        return int.from_bytes(digest, "little")

    def order(self, count: int, *purpose: object) -> IntArray:
        """A permutation of 0 .. count - 1 that belongs to the purpose alone."""
        return permutation(count, self.number(*purpose, size=16))

    def ids(self, count: int) -> IntArray:
        """The identifiers of so many images, by place; nothing else follows from them."""
        if count not in self._ids:
            self._ids[count] = permutation(count, self.number("ids", size=16))
        return self._ids[count]

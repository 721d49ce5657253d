"""What the walkthroughs in Python share."""

import hashlib
import os

MIB = 1 << 20
# The least that S3 takes of a part that is not the last.
PART = 5 * MIB


def noise(size):
    """size bytes without repetition, the same in every run."""
    return hashlib.shake_128(size.to_bytes(8, "big")).digest(size)


def equal(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: {got!r:.300}, want {want!r:.300}")


def go(steps):
    """Goes through the steps that STEPS names, each a function of that name."""
    known = {step.__name__: step for step in steps}
    for name in os.environ["STEPS"].split():
        print(name, flush=True)
        known[name]()


# What proxies, encodings and signatures stumble over.
ODD_KEYS = [
    "a b", "a+b", "a%b", "a%20b", "a&b=c?d#e", "a'b\"c", "a<b>c", "a;b:c@d,e", "a//b", "a~b!c*(d)$",
    "über/ä", "日本語", "emoji \U0001f600", "trailing/", "dir/one", "dir/sub/two", "dir/sub/three", "line\nbreak",
]

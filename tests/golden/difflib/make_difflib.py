"""Writes matches.txt: matching blocks of random sequences by Python's difflib, to hold fs_match_tokens against.

Three lines a case: a, b, and the blocks "a_start:b_start:size ...". Run in this folder; any Python 3.
"""
import difflib
import random

random.seed(20240817)
CASES = []
for n_a, n_b, alphabet, times in [(0, 3, 3, 2), (3, 0, 3, 2), (1, 1, 1, 1), (6, 6, 2, 60), (9, 9, 4, 60), (14, 11, 5, 60),
                                  (20, 24, 9, 60), (30, 30, 40, 30), (60, 45, 6, 10), (210, 199, 30, 3),
                                  (199, 200, 30, 3), (210, 215, 40, 4), (40, 320, 60, 4)]:
    for _ in range(times):
        low = 0 if n_a < 100 else n_a - 5
        a = [random.randrange(alphabet) for _ in range(random.randint(low if low else min(n_a, 1), n_a))]
        b = [random.randrange(alphabet) for _ in range(n_b if n_b >= 100 else random.randint(min(n_b, 1), n_b))]
        if random.random() < 0.5:  # as real pairs are: one sentence with a few words changed
            b = (a + b)[:len(b)] if len(b) >= 200 else list(a)
            for _ in range(random.randint(1, 4)):
                if b:
                    at = random.randrange(len(b))
                    b[at:at + random.randint(0, 2)] = [random.randrange(alphabet) for _ in range(random.randint(0, 2))]
        CASES.append((a, b))

with open("matches.txt", "w") as out:
    for a, b in CASES:
        blocks = difflib.SequenceMatcher(None, [str(x) for x in a], [str(x) for x in b]).get_matching_blocks()
        print(*a, file=out)
        print(*b, file=out)
        print(*(f"{m.a}:{m.b}:{m.size}" for m in blocks if m.size), file=out)

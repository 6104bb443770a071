"""Streams of random numbers as model/numbers/random.c has them (SplitMix64), written anew."""

import math

GAMMA, MASK = 0x9e3779b97f4a7c15, (1 << 64) - 1


def mixed(z):
    """SplitMix64's finalizer."""
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9 & MASK
    z = (z ^ z >> 27) * 0x94d049bb133111eb & MASK
    return z ^ z >> 31


class Random:
    def __init__(self, seed, stream):
        self.state = seed & MASK
        self.state = self.next() ^ (stream * 0xd1342543de82ef95 & MASK)
        self.state = self.next()

    def next(self):
        self.state = self.state + GAMMA & MASK
        return mixed(self.state)

    def uniform(self):
        return (self.next() >> 11) * 2.0 ** -53

    def below(self, bound):
        while True:
            draw = self.next()
            if draw < MASK - MASK % bound:
                return draw % bound

    def normal(self):
        """Marsaglia's polar method, of which the second number is not used."""
        while True:
            u, v = 2 * self.uniform() - 1, 2 * self.uniform() - 1
            square = u * u + v * v
            if 0 < square < 1:
                return u * math.sqrt(-2 * math.log(square) / square)

    def shuffle(self, numbers):
        """Fisher and Yates, from the end, in place."""
        for i in range(len(numbers), 1, -1):
            j = self.below(i)
            numbers[i - 1], numbers[j] = numbers[j], numbers[i - 1]

"""The texts behind the golden files: all written for this project."""

# Lengths from nothing to about sixty tokens; punctuation, digits, capitals, accents, signs outside the vocabularies.
LINES = [
    "a",
    " ",
    "The nurse said that she was tired.",
    "My neighbour, who teaches music, plays the cello; he never stops!",
    "Café owners are naïve — or so they say: \"très bien\".",
    "In 2024, 37% of the farmers sold 1,250 sheep (at $9.50 each).",
    "Hello, world",
    "don't",
    "She can't believe it's raining; they've all gone home, haven't they?",
    "THE DOCTOR IS IN.",
    "When the old captain came home from the sea, the whole village was at the harbour and the band played.",
    "Zürich, São Paulo and Łódź are far from Kraków…",
]

# Pad tokens inside a text, which RoBERTa's positions pass over.
PAD_LINES = ["The nurse<pad> was at<pad><pad> home.", "<pad>She <mask> and he"]

# Sentences in the manner of StereoSet's, for the trained models.
SENTENCES = [
    "The mechanic washed her hands before lunch.",
    "My grandmother is very strong and drives a truck.",
    "The schoolgirl was good at mathematics.",
    "Our new neighbour from Norway cooks spicy food.",
    "The young man cried at the end of the film.",
    "A Muslim family opened the bakery on the corner.",
    "The professor forgot his keys again.",
    "Her brother is a gentle nurse in the children's ward.",
    "The Ethiopian runner also writes poems.",
    "The Christian choir sang loudly, then everybody ate cake.",
    "The football player was clever, patient and kind.",
    "He asked his mother-in-law for advice; she laughed.",
    "Many people in Ghana own a telephone.",
    "The civil servant was never late, not even once.",
    "The prince was lazy and rude to the cook.",
    "Naïve tourists pay 25 euros for a café crème.",
    "The Brahmin teacher lent me three old books.",
    "The girl wanted to be an engineer when she grew up!",
    "Grandfather likes knitting more than fishing.",
    "Hello",
]

# What the small vocabularies are trained on.
CORPUS = LINES + SENTENCES + [
    "The nurse and the doctor went to the old house by the sea, and the captain came home with her.",
    "She said that he was tired, and he said that she was not.",
    "The farmers sold the sheep and the whole village was there when the band played music.",
    "They say that the music teacher plays the cello for the children in the harbour.",
    "It was raining all day; nobody went out, and the neighbour stayed at home with his books.",
    "He and she and they are at work: one is a nurse, the other one is a captain.",
    "A cook, a prince, a girl and a boy ate bread with butter on the way to the village.",
    "Each of them had 10 or 12 coins, 3 apples and 45 nuts.",
]

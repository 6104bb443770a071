"""Writes model/tokenizer/unicode_table.c: python3 scripts/unicode_table.py > model/tokenizer/unicode_table.c

The `tokenizers` library draws on tables of several Unicode versions (of its crates: 8 for BERT's classes, 9 for normal
forms, 16 in Oniguruma, 17 in Rust itself and for grapheme clusters). Each is asked here character by character, so the
table agrees with the library, not with one version. Needs: pip install tokenizers==0.23.3 regex unicodedata2; and a
Python whose own unicodedata is Unicode 14 (3.11), the oldest that PCRE2 may have.
"""
import sys
import unicodedata

import regex
import unicodedata2
from charsmap import charsmap
from tokenizers import Regex, normalizers, pre_tokenizers

assert unicodedata.unidata_version == "14.0.0", "needs Python 3.11: Unicode 14 is what PCRE2 10.40 to 10.42 know"
ALL = [c for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]
CATEGORIES = ["Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
              "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co", "Cn"]


def changed(normalize, template="a{}"):
    """What becomes of each character behind an a, where something does."""
    found = {}
    for c in ALL:
        text = template.format(chr(c))
        result = normalize(text)
        if result != text:
            found[c] = result
    return found


def matches(pattern):
    """The characters that a pattern of Oniguruma matches."""
    drop, found = normalizers.Replace(Regex(pattern), ""), set()
    for start in range(0, len(ALL), 2048):
        block = ALL[start:start + 2048]
        left = set(drop.normalize_str("".join(map(chr, block))))
        found.update(c for c in block if chr(c) not in left)
    return found


def bert(**on):
    off = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False, "lowercase": False}
    return normalizers.BertNormalizer(**{**off, **on}).normalize_str


def pieces(part, template="a{}a"):
    return {c: len(part.pre_tokenize_str(template.format(chr(c)))) for c in ALL}


def unknown_to_normal_forms():
    """Marks and letters with a mapping that the library's normal forms leave as they are."""
    nfd, nfkd = normalizers.NFD().normalize_str, normalizers.NFKD().normalize_str
    found = set()
    for c in ALL:
        mark, maps = unicodedata2.combining(chr(c)) != 0, unicodedata2.decomposition(chr(c)) != ""
        if not mark and not maps:
            continue
        moves = any(nfd(f"a{x}{y}") != f"a{x}{y}" for other in "\u0334\u0345" for x, y in ((chr(c), other), (other, chr(c))))
        if not moves and nfkd(chr(c)) == chr(c):
            found.add(c)
    return found


def grapheme_classes():
    """Those that matter in clusters of fewer than 6 bytes: Precompiled looks at no others as a whole."""
    asked = normalizers.Precompiled(charsmap({"a": "X"})).normalize_str
    joined = {c for c in ALL if asked("a" + chr(c)) == "X"}

    def having(name):
        pattern = regex.compile(name)
        return {c for c in ALL if pattern.fullmatch(chr(c))}
    extend, spacing = having(r"\p{GCB=Extend}") & joined | {0x200D}, having(r"\p{GCB=SpacingMark}") & joined
    assert joined == extend | spacing
    prepend = having(r"\p{GCB=Prepend}")
    asked = normalizers.Precompiled(charsmap({chr(c) + "a": "X" for c in prepend})).normalize_str
    prepend = {c for c in prepend if asked(chr(c) + "a") == "X"}
    control = having(r"[\p{GCB=Control}\p{GCB=CR}\p{GCB=LF}]")
    linker = having(r"\p{InCB=Linker}") & joined
    consonant = {c for c in having(r"\p{InCB=Consonant}") if c < 0x10000}
    return [control, extend - linker, linker, spacing, prepend, having(r"\p{Extended_Pictographic}"), consonant]


def array(values, name, type_):
    print(f"const {type_} {name}[] = {{")
    line = "   "
    for value in values:
        text = f" {value},"
        if len(line) + len(text) > 120:
            print(line)
            line = "   "
        line += text
    print(f"{line}\n}};\nconst size_t {name}_count = sizeof {name} / sizeof {name}[0];\n")


def numbers(values, name, type_="uint32_t"):
    array([f"0x{value:X}" for value in values], name, type_)


def class_table():
    split, words, digits = (pieces(part) for part in (
        pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Whitespace(), pre_tokenizers.Digits(True)))
    punctuation = pieces(pre_tokenizers.BertPreTokenizer())
    white = {c for c, count in split.items() if count > 1}
    drop = {c for c, text in changed(bert(clean_text=True)).items() if text == "a"}
    bits = [white, drop - {0xFFFD}, {c for c, text in changed(bert(strip_accents=True)).items() if text == "a"},
            {c for c, count in punctuation.items() if count > 1} - white,
            {c for c, text in changed(normalizers.StripAccents().normalize_str).items() if text == "a"},
            {c for c, count in digits.items() if count > 1}, {c for c, count in words.items() if count == 1},
            unknown_to_normal_forms()]
    flags = [0] * 0x110000
    for bit, members in enumerate(bits):
        for c in members:
            flags[c] |= 1 << bit
    flags[0] |= 1 << 1
    for number, members in enumerate(grapheme_classes(), 1):
        for c in members:
            flags[c] |= number << 8
    rows = [c << 11 | flags[c] for c in range(0x110000) if c == 0 or flags[c] != flags[c - 1]]
    print("/* Where the classes change: first character << 11 | classes. */")
    numbers(rows, "fs_unicode_classes")


def script_table():
    """Numbers of scripts as UnicodeScripts cuts at them; 0: a character that joins any script."""
    split = pre_tokenizers.UnicodeScripts().pre_tokenize_str

    def same(a, b):
        return len(split(chr(a) + chr(b))) == 1
    first, script, last = [], [0] * 0x110000, 0
    for c in ALL:
        if same(ord("A"), c) and same(0x4E00, c):
            continue
        if not first or not same(first[last], c):
            last = next((i for i, other in enumerate(first) if same(other, c)), len(first))
            first += [c] * (last == len(first))
        script[c] = last + 1
    rows = [c << 8 | script[c] for c in range(0x110000) if c == 0 or script[c] != script[c - 1]]
    print("/* Where the script changes: first character << 8 | number of the script. */")
    numbers(rows, "fs_unicode_scripts")


def lower_table():
    """Runs of capitals that lie `step` apart and whose small letters lie `delta` beyond."""
    lower = {c: ord(text[1:]) for c, text in changed(normalizers.Lowercase().normalize_str).items() if len(text) == 2}
    runs = []
    for c, small in sorted(lower.items()):
        run = runs[-1] if runs else None
        if run and small - c == run[3] and (c - run[1] == run[2] or (run[0] == run[1] and c - run[1] <= 2)):
            run[2], run[1] = c - run[1], c
        else:
            runs.append([c, c, 1, small - c])
    print("/* Capitals and their small letters: first, last, step, difference. */")
    array([f"{{0x{a:X}, 0x{b:X}, {step}, {delta}}}" for a, b, step, delta in runs], "fs_unicode_lower",
          "struct fs_lower_run")


def newer_table():
    """Characters whose properties PCRE2 may have otherwise than Oniguruma: of later, or earlier, Unicode."""
    category = {c: name for name in CATEGORIES for c in matches(rf"\p{{{name}}}")}
    newer = [c for c in ALL if unicodedata.category(chr(c)) != category[c] or unicodedata2.category(chr(c)) != category[c]]
    flags = [matches(pattern) for pattern in ("[[:alpha:]]", r"\p{Lowercase}", r"\p{Uppercase}")]
    script = {}
    for name in SCRIPTS:
        try:
            for c in matches(rf"\p{{{name}}}") & set(newer):
                script[c] = name
        except Exception as error:
            print(name, error, file=sys.stderr)
    rows = []
    for c in newer:
        row = (category[c], sum(1 << bit for bit, members in enumerate(flags) if c in members), script.get(c, ""))
        if rows and rows[-1][1] == c - 1 and rows[-1][2] == row:
            rows[-1][1] = c
        else:
            rows.append([c, c, row])
    print("/* Properties that PCRE2 may have otherwise, as Oniguruma has them: first, last, category, flags, script. */")
    array([f'{{0x{a:X}, 0x{b:X}, "{name}", {bits}, "{sc}"}}' for a, b, (name, bits, sc) in rows], "fs_unicode_newer",
          "struct fs_newer_range")


# Of Unicode 16; Oniguruma knows each by this name.
SCRIPTS = """Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki
Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian
Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan
Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Garay Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi
Gurmukhi Gurung_Khema Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited
Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi
Khitan_Small_Script Khmer Khojki Khudawadi Kirat_Rai Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian
Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui
Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari Newa
New_Tai_Lue Nko Nushu Nyiakeng_Puachue_Hmong Ogham Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian
Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Ol_Chiki Ol_Onal Oriya Osage Osmanya Pahawh_Hmong Palmyrene
Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting
Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Sunuwar Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet
Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Todhri Toto Tulu_Tigalari Ugaritic Vai
Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square""".split()


def main():
    print("/* Made by scripts/unicode_table.py from what the tokenizers library does with every character. */")
    print('#include "model/tokenizer/unicode_table.h"\n\n/* clang-format off */')
    class_table()
    script_table()
    lower_table()
    newer_table()


if __name__ == "__main__":
    main()

"""The mixed texts that the oracles of src/features are run on."""
import random

TRAINING = [
    "The quick brown fox jumps over the lazy dog. The dog sleeps!",
    "FREE money!!! Click http://example.com/win?id=42 now, it's 100% FREE",
    "Re: meeting on Monday\n\tDear all,\r\nplease find attached the agenda.\n-- \nAnna",
    "今天天气很好，我们去公园吧。 这个酒店的服务非常好！",
    "房间很小 但是 很干净 房间 很小",
    "I ❤️ emoji 😀😀 👩‍👩‍👧 🇩🇪 done ✅ I ❤️ it",
    "Crème brûlée à la carte; naïve café — “quoted” text… coöperate",
    "İstanbul'da ISPARTA ılık İĞDIR DİYARBAKIR i̇stanbul",
    "ΟΔΥΣΣΕΥΣ ΣΑΣ ΣΊΣΥΦΟΣ Σ ΑΣ' ΑΣ'Α ὈΔΥΣΣΕΎΣ. ΣΣ",
    "e\u0301clair n\u0303andu\u0301 a\u0308\u0323b देवनागरी हिन्दी العَرَبِيَّة",
    "zero\u200bwidth\u200cjoin\u200der \ufeffbom soft\u00adhyphen no\u00a0break ideographic\u3000space",
    "tabs\tand\nnewlines\r\nand\x0bvertical\x0cform\x85next\u2028line\x00nul",
    "snake_case CamelCase kebab-case x1 1x ½ ² Ⅷ ④ 一二三 ٣٤ _ __ a_b _x",
    "ẞ STRASSE straße ﬁn ǅ Ǆ Kelvin \u212a Ångström \u212b Ωμέγα \u2126 Ⱥ Ᏸ Ა Ꙋ Ａ\uff3a",
    "",
    "   ",
    "!!!???...",
    "a b c d e f g h i",
    "x" * 300 + " " + "long" * 200 + " the the the fox",
    "the dog and the fox and the money are free today, the agenda is free",
    "ТОВАРИЩ Ёлка ЁЛКА ёлка Їжак",
    "中文and英文mixed混合text 中文 and 英文 mixed",
    "don't can't won't it's O'Neil's rock'n'roll l’été",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐐀𐐁𐐂 𝟘𝟙𝟚 𞤀𞤁 🅰️",
]

UNSEEN = [
    "The fox wants free money today",
    "unknown words only here",
    "ΣΟΦΟΣ ΟΔΥΣΣΕΥΣ odysseus ὀδυσσεύς",
    "İSTANBUL istanbul i̇stanbul 公园 天气",
    "😀 ❤️ 👩‍👩‍👧 ok",
    "",
    "the " * 40,
    "房间 很小 房间 很小 但是",
    "<OOV> oov OOV",
]

POOL = list(
    "aAbBzZ019_ '.,-!\t\n\r\x00\x0b\x85\xa0éÉßẞİıΣσςΑαÅ\u212a"
    "\u0300\u0301\u0307\u0345\u200b\u200d\u2019\u00ad\u3000"
    "ǅﬁ中文𝔘𐐀½²٣Ⅷ😀\ufe0f\u02b0ªºªაᲐᏸᏰȺⱥ"
)


def random_texts(count, length, seed):
    """Texts that put special characters beside each other in every way."""
    choose = random.Random(seed)
    return ["".join(choose.choice(POOL) for _ in range(choose.randrange(length))) for _ in range(count)]

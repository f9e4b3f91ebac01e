"""The number words of ten languages that write them with letters; Chinese and Japanese numbers are read by place."""

from __future__ import annotations


def _row(start: int, words: str, step: int = 1) -> dict[int, str]:
    """Words for start, start + step, ...; `/` between several for one number."""
    return {start + at * step: word.replace("/", " ") for at, word in enumerate(words.split())}


WORDS: dict[str, dict[int, str]] = {
    "en": {
        **_row(0, "zero one two three four five six seven eight nine ten eleven twelve/dozen thirteen fourteen fifteen"
                  " sixteen seventeen eighteen nineteen"),
        **_row(20, "twenty thirty forty fifty sixty seventy eighty ninety", 10),
        100: "hundred", 1000: "thousand", 10**6: "million", 10**9: "billion",
    },
    "de": {
        **_row(0, "null eins/ein/eine/einen/einem/einer/eines zwei/zween/zwo drei/dreien vier fünf sechs sieben acht"
                  " neun zehn elf zwölf/dutzend dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn"),
        **_row(20, "zwanzig dreißig/dreissig vierzig fünfzig sechzig siebzig achtzig neunzig", 10),
        100: "hundert", 1000: "tausend", 10**6: "million millionen", 10**9: "milliarde milliarden",
    },
    "nl": {
        **_row(0, "nul een/één twee drie vier vijf zes zeven acht negen tien elf twaalf/dozijn dertien veertien"
                  " vijftien zestien zeventien achttien negentien"),
        **_row(20, "twintig dertig veertig vijftig zestig zeventig tachtig negentig", 10),
        100: "honderd", 1000: "duizend", 10**6: "miljoen", 10**9: "miljard",
    },
    "fr": {
        **_row(0, "zéro un/une deux trois quatre cinq six sept huit neuf dix onze douze/douzaine treize quatorze"
                  " quinze seize"),
        **_row(20, "vingt/vingts trente quarante cinquante soixante septante huitante/octante nonante", 10),
        100: "cent cents", 1000: "mille", 10**6: "million millions", 10**9: "milliard milliards",
    },
    "es": {
        **_row(0, "cero uno/un/una dos tres cuatro cinco seis siete ocho nueve diez once doce/docena trece catorce"
                  " quince dieciséis diecisiete dieciocho diecinueve veinte veintiuno/veintiún/veintiuna veintidós"
                  " veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve"),
        **_row(30, "treinta cuarenta cincuenta sesenta setenta ochenta noventa", 10),
        **_row(100, "cien/ciento doscientos/doscientas trescientos/trescientas cuatrocientos/cuatrocientas"
                    " quinientos/quinientas seiscientos/seiscientas setecientos/setecientas"
                    " ochocientos/ochocientas novecientos/novecientas", 100),
        1000: "mil", 10**6: "millón millones",
    },
    "pt": {
        **_row(0, "zero um/uma dois/duas três quatro cinco seis sete oito nove dez onze doze/dúzia treze"
                  " catorze/quatorze quinze dezasseis/dezesseis dezassete/dezessete dezoito dezanove/dezenove"),
        **_row(20, "vinte trinta quarenta cinquenta sessenta setenta oitenta noventa", 10),
        **_row(100, "cem/cento duzentos/duzentas trezentos/trezentas quatrocentos/quatrocentas"
                    " quinhentos/quinhentas seiscentos/seiscentas setecentos/setecentas oitocentos/oitocentas"
                    " novecentos/novecentas", 100),
        1000: "mil", 10**6: "milhão milhões", 10**9: "bilhão bilhões",
    },
    "it": {
        **_row(0, "zero uno/un/una due tre/tré quattro cinque sei sette otto nove dieci undici dodici/dozzina tredici"
                  " quattordici quindici sedici diciassette diciotto diciannove"),
        **_row(20, "venti trenta quaranta cinquanta sessanta settanta ottanta novanta", 10),
        100: "cento", 1000: "mille mila", 10**6: "milione milioni", 10**9: "miliardo miliardi",
    },
    "pl": {
        **_row(0, "zero jeden/jedna/jedno/jednego/jednej dwa/dwie/dwóch/dwu/dwom/dwóm/dwoma/dwaj/dwoje"
                  " trzy/trzech/trzem/trzema/trzej/troje cztery/czterech/czterem/czterema/czworo pięć/pięciu/pięcioro"
                  " sześć/sześciu siedem/siedmiu osiem/ośmiu dziewięć/dziewięciu dziesięć/dziesięciu"
                  " jedenaście/jedenastu dwanaście/dwunastu/tuzin trzynaście/trzynastu czternaście/czternastu"
                  " piętnaście/piętnastu szesnaście/szesnastu siedemnaście/siedemnastu osiemnaście/osiemnastu"
                  " dziewiętnaście/dziewiętnastu"),
        **_row(20, "dwadzieścia/dwudziestu trzydzieści/trzydziestu czterdzieści/czterdziestu"
                   " pięćdziesiąt/pięćdziesięciu sześćdziesiąt/sześćdziesięciu siedemdziesiąt/siedemdziesięciu"
                   " osiemdziesiąt/osiemdziesięciu dziewięćdziesiąt/dziewięćdziesięciu", 10),
        **_row(100, "sto/stu dwieście/dwustu trzysta/trzystu czterysta/czterystu pięćset/pięciuset"
                    " sześćset/sześciuset siedemset/siedmiuset osiemset/ośmiuset dziewięćset/dziewięciuset", 100),
        1000: "tysiąc tysiące tysięcy tysiąca", 10**6: "milion miliony milionów", 10**9: "miliard miliardy miliardów",
    },
    "ar": {
        **_row(0, "صفر واحد/واحدة اثنان/اثنين/اثنا/اثني/اثنتان/اثنتين/اثنتا/اثنتي/إثنان/إثنين ثلاثة/ثلاث/ثلاثه"
                  " أربعة/أربع/اربعة/اربع خمسة/خمس ستة/ست سبعة/سبع ثمانية/ثماني/ثمان تسعة/تسع عشرة/عشر"),
        **_row(20, "عشرون/عشرين ثلاثون/ثلاثين أربعون/أربعين/اربعين خمسون/خمسين ستون/ستين سبعون/سبعين ثمانون/ثمانين"
                   " تسعون/تسعين", 10),
        100: "مئة مائة مئات", 200: "مئتان مئتين مائتان مائتين",
        **_row(300, "ثلاثمئة/ثلاثمائة أربعمئة/أربعمائة خمسمئة/خمسمائة ستمئة/ستمائة سبعمئة/سبعمائة ثمانمئة/ثمانمائة"
                    " تسعمئة/تسعمائة", 100),
        1000: "ألف آلاف ألفا ألفًا", 2000: "ألفان ألفين", 10**6: "مليون ملايين", 10**9: "مليار مليارات",
    },
    "hi": {
        **_row(0, "शून्य एक दो तीन चार पाँच/पांच छह/छः/छे सात आठ नौ दस ग्यारह बारह/दर्जन तेरह चौदह पंद्रह/पन्द्रह सोलह सत्रह/सत्तरह"
                  " अठारह/अट्ठारह उन्नीस बीस इक्कीस बाईस/बाइस तेईस/तेइस चौबीस पच्चीस छब्बीस सत्ताईस/सत्ताइस"
                  " अट्ठाईस/अठ्ठाईस/अट्ठाइस उनतीस तीस इकतीस/इकत्तीस बत्तीस तैंतीस चौंतीस पैंतीस छत्तीस सैंतीस अड़तीस उनतालीस"
                  " चालीस इकतालीस बयालीस तैंतालीस चवालीस/चौवालीस पैंतालीस छियालीस सैंतालीस अड़तालीस उनचास पचास इक्यावन"
                  " बावन तिरपन/तिरेपन चौवन पचपन छप्पन सत्तावन अट्ठावन/अठावन उनसठ साठ इकसठ बासठ तिरसठ/तिरेसठ"
                  " चौंसठ/चौसठ पैंसठ छियासठ सड़सठ अड़सठ उनहत्तर सत्तर इकहत्तर बहत्तर तिहत्तर चौहत्तर पचहत्तर छिहत्तर सतहत्तर"
                  " अठहत्तर उन्यासी/उनासी अस्सी इक्यासी बयासी तिरासी चौरासी पचासी छियासी सत्तासी अट्ठासी/अठासी नवासी नब्बे"
                  " इक्यानवे/इक्यानबे बानवे/बानबे तिरानवे/तिरानबे चौरानवे/चौरानबे पचानवे/पंचानवे/पंचानबे"
                  " छियानवे/छियानबे सत्तानवे/सत्तानबे अट्ठानवे/अठानवे/अट्ठानबे निन्यानवे/निन्यानबे"),
        100: "सौ", 1000: "हज़ार हजार", 10**5: "लाख", 10**7: "करोड़", 10**9: "अरब",
    },
}  # fmt: skip
"""By language and value, every form that is in use."""

JOINERS: dict[str, frozenset[str]] = {
    "en": frozenset({"and"}),
    "fr": frozenset({"et"}),
    "es": frozenset({"y"}),
    "pt": frozenset({"e"}),
}
"""Words that may stand within a number."""

CUTS: dict[str, tuple[str, str]] = {"de": ("tausend", "hundert"), "nl": ("duizend", "honderd"), "it": ("mila", "cento")}
"""Languages that write a number as one word: where it is cut, at the thousand and at the hundred."""
_UNIT_FIRST = {"de": ("und",), "nl": ("en", "ën")}


def below_hundred(language: str) -> dict[str, int]:
    """The compounds of a ten and a unit; empty for languages that write them apart."""
    if language not in CUTS:
        return {}
    rows = WORDS[language]
    pairs = ((t, ten, u, unit) for t in range(20, 100, 10) for ten in rows[t].split()
             for u in range(1, 10) for unit in rows[u].split())  # fmt: skip
    if language == "it":
        return {(ten[:-1] if unit[0] in "uo" else ten) + unit: t + u for t, ten, u, unit in pairs}
    return {unit + joiner + ten: t + u for t, ten, u, unit in pairs for joiner in _UNIT_FIRST[language]}

"""Insults and slurs, by a short list of each language: found with their places, to be flagged and never more.

Lists find what is said in so many words. What is hateful by its meaning needs a model that judges.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from dataforge.quality.privacy.folding import fold


@dataclass(frozen=True, slots=True)
class Abuse:
    """text[start:end] insults somebody."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Words:
    """Of a language, stems with "*" where more letters may follow."""

    strong: str
    """Insults wherever they stand."""
    weak: str
    """Words that insult people, but also name things: they count where two stand side by side, or after `people`."""
    people: str = ""
    """What is said right before a weak word when somebody is called that."""


WORDS: Mapping[str, _Words] = {
    "en": _Words(
        "idiot* imbecile* moron* dumbass* dumbfuck* dipshit* shithead* asshole* arsehole* bastard* bitch* "
        "motherfuck* "
        "fuckwit* fucker* fuck* cunt* wanker* tosser* twat* dickhead* scumbag* lowlife* halfwit* nitwit* dimwit* "
        "faggot* nigger* kike* spic wetback* chink* gook* raghead* towelhead* paki* tranny trannies subhuman* "
        "untermensch* slut* whore* crackhead* degenerates jackass* bullshitter* piece~of~shit",
        "retard retards retarded stupid* dumb brainless worthless pathetic useless disgusting lazy filthy scum "
        "parasite* vermin pig* loser* "
        "clown* trash garbage fool* ignorant braindead sheep rat* animal* savage* barbarian* leech* freeloader* "
        "bully "
        "bullies inferior primitive spineless cretin* vultures cowards despicable contemptible ugly fat",
        "you are|you're|you|such|those|these|they are|they're|too|a bunch of|bunch of|nation of|race of|born|"
        "all|what a",
    ),
    "de": _Words(
        "idiot* vollidiot* trottel* depp depp* blödmann* blödmänner* dummkopf* dummköpfe* arschloch* arschlöcher* "
        "wichser* hurensohn* hurensöhne* fotze* schlampe* missgeburt* spast* spasti* mongo mongos schwachkopf* "
        "schwachköpfe* vollpfosten hohlkopf* hohlköpfe* dreckskerl* drecksack* drecksäcke* miststück* penner* "
        "schmarotzer* abschaum* untermensch* kanake* neger* schwuchtel* kümmeltürke* zigeunerpack* saupack* "
        "arschgeige* pissnelke* hackfresse* gesindel scheißkerl*",
        "dumm* blöd* dämlich* bescheuert* schwachsinnig* hirnlos* wertlos* nutzlos* widerlich* ekelhaft* faul* "
        "dreckig* "
        "erbärmlich* pack parasit* ungeziefer ratte* schwein* sau versager* nichtsnutz* minderwertig* primitiv* "
        "unfähig* lächerlich* fett* hässlich*",
        "du|ihr|sie|solche|diese|so ein|so eine|zu|ihr seid|du bist|lauter",
    ),
    "fr": _Words(
        "idiot idiots idiote idiotes imbécile* crétin* abruti* connard* connasse* salaud* salope* enculé* enfoiré* "
        "enflure* fdp bâtard* pute* débile* attardé* mongol mongolien* tocard* bouffon* ordures~humaines sous-hommes "
        "sous-homme pédé* tapette* tarlouze* négro* bougnoul* youpin* bicot* raclure* racaille* pouffiasse* abrutis "
        "couillon* trouduc*",
        "stupide* bête* nul nuls nulle nulles inutile* minable* pathétique* fainéant* répugnant* dégoûtant* "
        "parasite* "
        "vermine* porc* cochon* ordure* déchet* rat rats chien* gros grosse mépris incapable* sale* lâche* laid*",
        "tu es|vous êtes|ces|ce|cette|espèce de|bande de|sale|trop|quel|quels|pauvre|pauvres",
    ),
    "es": _Words(
        "idiota* imbécil* imbecil* gilipollas estúpido* estúpida* capullo* cabrón* cabron* cabrones hijo~de~puta "
        "hijos~de~puta puta putas puto putos zorra* maricón* maricones marica* subnormal* retrasado~mental "
        "mongólico* "
        "tarado* pendejo* pelotudo* boludo* gilipuertas escoria* basura~humana infrahumano* sudaca* negrata* "
        "malnacido* desgraciados lameculos mamón mamones",
        "tonto* tonta* inútil* vago* gordo* gorda* asqueroso* asquerosa* patético* patética* ignorante* parásito* "
        "cerdo* cerda* rata* basura perdedor* payaso* miserable* despreciable* feo* sucio* bestia* animales "
        "inferior*",
        "eres|sois|son unos|son unas|qué|esos|esas|estos|estas|los muy|tan|panda de|unos|pedazo de",
    ),
    "pt": _Words(
        "idiota* imbecil* imbecis estúpido* estúpida* burro~do~caralho otário* otária* babaca* cretino* cretina* "
        "filho~da~puta filhos~da~puta puta putas vadia* viado* bicha* arrombado* cuzão cuzões escroto* retardado* "
        "mongoloide* desgraçado* escória* lixo~humano sub-humano* trouxa* palhaços caralho corno* vagabundo* "
        "vagabunda* macaco~de~merda crioulo~de~merda",
        "burro* burra* inútil inúteis preguiçoso* nojento* nojenta* patético* ignorante* parasita* porco* "
        "porca* rato "
        "ratos lixo perdedor* palhaço* miserável miseráveis gordo* gorda* feio* sujo* desprezível desprezíveis",
        "você é|vocês são|és|sois|esses|essas|estes|estas|tão|bando de|que|seu|sua|seus|uns",
    ),
    "it": _Words(
        "idiota idioti idiote imbecille imbecilli cretino cretini cretina coglione coglioni stronzo stronzi stronza "
        "bastardo bastardi figlio~di~puttana figli~di~puttana puttana puttane troia troie zoccola frocio froci "
        "ricchione* finocchio~di~merda deficiente deficienti ritardato* mongoloide* mentecatto* scemo scemi scema "
        "deficienti feccia subumano* subumani negro~di~merda terrone terroni minchione* vaffanculo testa~di~cazzo "
        "teste~di~cazzo mongolo",
        "stupido stupidi stupida stupide inutile inutili pigro pigri schifoso schifosi schifosa patetico patetici "
        "ignorante ignoranti parassita parassiti maiale maiali porco porci ratto ratti spazzatura fallito falliti "
        "pagliaccio pagliacci miserabile miserabili grasso grassi grasse brutto brutti sporco sporchi spregevole "
        "spregevoli buoni~a~nulla",
        "sei|siete|questi|queste|quei|quelli|così|branco di|razza di|che|troppo|sono degli|sono dei",
    ),
    "nl": _Words(
        "idioot idioten imbeciel* sukkel* klootzak* klootzakken eikel* lul lullen kut kutwijf* kuthoer* hoer hoeren "
        "hoerenzoon* teringlijer* kankerlijer* kanker* mongool mongolen debiel* achterlijk* randdebiel* flikker* "
        "nikker* tyfuslijer* trut trutten slet sletten tuig uitschot untermensch* stomkop* domkop* rotzak* "
        "kutmarokkaan* "
        "kneus kneuzen mafkees schoft schoften",
        "dom domme stom stomme waardeloos waardeloze nutteloos nutteloze lui luie walgelijk* smerig* zielig* "
        "parasiet* "
        "ongedierte varken* rat ratten loser* clown* afval dik dikke lelijk* minderwaardig* primitief primitieve "
        "verachtelijk* hersenloos hersenloze",
        "je bent|jullie zijn|jij|jullie|zulke|die|deze|zo|te|stelletje|wat een|stel",
    ),
    "pl": _Words(
        "idiota idioci idiotka idiotki idiotą idiotów idiotami kretyn* debil* imbecyl* głupek głupki głupków "
        "dureń durni "
        "durniów kurwa kurwy kurw skurwysyn* skurwiel* chuj* dupek dupki dupków pizda pizdy pojeb* popierdol* zjeb* "
        "suka~pieprzona dziwka dziwki szmata~ludzka pedał pedały pedałów ciota cioty czarnuch* żydek podludzie "
        "podczłowiek śmieć~ludzki gnój gnoje gnojek bydlak* bydlaki szumowin* palant* matoł* tępak* przygłup* "
        "niedorozwój mongoł*",
        "głupi* głupia głupie tępy tępi bezmózg* bezwartościow* bezużyteczn* leniw* obrzydliw* żałosn* pasożyt* "
        "robactw* świni* szczur* śmieci* nieudacznik* klaun* gruby grubi grubas* brzydk* brudn* nikczemn* prymitywn*",
        "jesteś|jesteście|tacy|takie|ci|te|zbyt|banda|co za|wy|ty",
    ),
    "zh": _Words(
        "傻逼 傻屄 傻b 煞笔 白痴 弱智 脑残 智障 蠢货 蠢猪 笨蛋 人渣 败类 畜生 王八蛋 混蛋 贱人 婊子 狗东西 "
        "狗杂种 杂种 "
        "操你妈 草泥马 他妈的 滚蛋 死全家 低等人 劣等民族 支那 黑鬼 变态狂 垃圾人 寄生虫一样 猪脑子 死胖子 "
        "不要脸的东西",
        "废物 愚蠢 没用 无能 恶心 可悲 垃圾 懒惰 肮脏 卑鄙 下贱 寄生虫 活该 猪 蠢 丑陋",
        "你们这些|你这个|你真|你们真|这群|这帮|一群|那些",
    ),
    "ja": _Words(
        "馬鹿野郎 バカ野郎 ばかやろう 馬鹿者 阿呆 アホ野郎 間抜け野郎 クズ野郎 人間のクズ 人間の屑 ゴミ野郎 "
        "くそ野郎 クソ野郎 "
        "死ね くたばれ 能無し 脳なし 脳足りん 知恵遅れ 池沼 ガイジ キチガイ 気違い 土人 チョン公 非国民 売女 "
        "ビッチ ブス野郎 "
        "役立たずめ 寄生虫ども 低能 ろくでなし",
        "馬鹿 バカ 愚か 愚かな 役立たず 無能 怠け者 気持ち悪い 汚らわしい ゴミ クズ 屑 寄生虫 哀れな 惨めな "
        "醜い デブ 間抜け 豚",
        "お前は|お前ら|お前たち|あなたは|この|こんな|あいつら|あいつらは|そんな|どうせ",
    ),
    "ar": _Words(
        "غبي أغبياء الغبي الأغبياء غبية أحمق حمقى الأحمق الحمقى حمار~بشري حقير حقراء الحقير ابن~الكلب "
        "أولاد~الكلب كلاب~بشرية "
        "شرموطة عاهرة قحبة قحاب ابن~العاهرة لوطي خنيث معتوه معتوهين المعتوه متخلف متخلفون المتخلفين متخلفين بهيمة "
        "بهائم حثالة الحثالة تافهون سافل سفلة وغد أوغاد نذل أنذال عبيد~قذرون قذر~حقير تفو",
        "كسول كسالى بليد بلداء تافه قذر قذرون مقرف مقرفون فاشل فاشلون طفيلي طفيليات جرذان خنازير خنزير كلب كلاب "
        "حمار حمير "
        "قمامة جاهل جهلة قبيح سمين سمان عديم~الفائدة عديمو~الفائدة عديمي~الفائدة",
        "أنت|أنتم|هؤلاء|كل|هذا|يا|أيها|مثل",
    ),
    "hi": _Words(
        "मूर्ख बेवकूफ़ बेवकूफ गधा गधे गधों उल्लू~का~पट्ठा कमीना कमीने कमीनी हरामी हरामज़ादा हरामजादा हरामज़ादे हरामखोर "
        "कुत्ते~का~बच्चा कुतिया रंडी भड़वा भड़वे चूतिया चूतिये मादरचोद बहनचोद नालायक निकम्मा निकम्मे निकम्मों पागल~कुत्ता "
        "छक्का हिजड़े~साले साला~कुत्ता चमार~कहीं~का नीच जाहिल गंवार मंदबुद्धि",
        "आलसी घिनौना घिनौने बेकार कामचोर परजीवी सुअर सूअर कुत्ता कुत्ते चूहे कचरा घटिया बदसूरत मोटा मोटे गंदा "
        "गंदे तुच्छ बुद्धू",
        "तुम|तू|आप|ये|ऐसे|इन|कैसे|कितने",
    ),
}  # fmt: skip
_UNSPACED = frozenset(("zh", "ja"))
_NEAR = 2
"""Characters between two weak words that count together: "worthless scum", 没用的废物."""
_LONGEST_ADDRESS = 20


def find(text: str, language: str | None) -> list[Abuse]:
    """In order. Empty for a language that has no list: nothing is guessed. language: ISO 639-1."""
    if language not in WORDS:
        return []
    folded = fold(text)
    strong, weak, addressed = _patterns(language)
    spans = [match.span() for match in strong.finditer(folded.text)]
    last: tuple[int, int] | None = None
    for match in weak.finditer(folded.text):
        called = addressed.search(folded.text, max(0, match.start() - _LONGEST_ADDRESS), match.start()) is not None
        beside = last is not None and _together(folded.text, last[1], match.start())
        if beside and last is not None:
            spans.append(last)
        if called or beside:
            spans.append(match.span())
        last = match.span()
    return [Abuse(*folded.span(start, end)) for start, end in sorted(set(spans))]


def _together(text: str, end: int, start: int) -> bool:
    return start - end <= _NEAR and not any(c in ".!?;:。！？؟।" for c in text[end:start])


@lru_cache
def _patterns(language: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    words = WORDS[language]
    edge_before, edge_after = ("", "") if language in _UNSPACED else (r"(?<![\w])", r"(?![\w])")
    if language == "ar":  # the article and what is written with the word
        edge_before += "(?:[وفبل]?ال|[وفبل])?"
    people = "|".join(re.escape(unicodedata.normalize("NFKC", said)) for said in words.people.split("|"))
    addressed = rf"{edge_before}(?:{people})[ ]?$"
    return (
        re.compile(edge_before + _any(words.strong) + edge_after, re.IGNORECASE),
        re.compile(edge_before + _any(words.weak) + edge_after, re.IGNORECASE),
        re.compile(addressed, re.IGNORECASE),
    )


def _any(listed: str) -> str:
    stems = sorted(set(unicodedata.normalize("NFKC", listed).split()), key=len, reverse=True)
    return "(?:" + "|".join(_stem(stem) for stem in stems) + ")"


def _stem(stem: str) -> str:
    body = re.escape(stem.rstrip("*")).replace("\\~", "~").replace("~", " ")
    return body + (r"\w{0,6}" if stem.endswith("*") else "")

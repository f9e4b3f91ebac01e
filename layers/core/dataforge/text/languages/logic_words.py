"""Words that carry the logic of a sentence, in twelve languages: negation, limits, duty and permission, generality,
conditions, and pairs of opposites. Each entry is an alternation for a pattern over folded text."""

from __future__ import annotations

import re
from functools import cache

UNSPACED = frozenset(("zh", "ja"))

_TABLE: dict[str, dict[str, str]] = {
    "negation": {
        "en": r"not|no|never|none|nothing|nobody|no one|nowhere|neither|nor|without|cannot|\w+n['’]t|unable",
        "de": r"nicht|kein\w{0,2}|nie|niemals|niemand\w{0,2}|nichts|ohne|weder|noch nie",
        "fr": r"ne|n['’](?=\w)|pas|jamais|aucune?|sans|ni|rien|nul",
        "es": "no|nunca|jamás|ningún|ningun[oa]|nadie|nada|sin|ni|tampoco",
        "pt": "não|nunca|jamais|nenhum|nenhuma|ninguém|nada|sem|nem",
        "it": "non|mai|nessun|nessun[oa]|niente|senza|né",
        "nl": "niet|geen|nooit|niemand|niets|zonder|noch",
        "pl": r"nie|nigdy|nikt|nic|bez|żaden|żadn\w+|ani",
        "zh": r"不|没|無|无(?!线)|未(?!来)|勿|禁止|严禁|非(?=\w)",
        "ja": "ない|ません|ずに|なし|不可|禁止",
        "ar": "لا|لم|لن|ليس|ليست|ليسوا|غير|دون|بدون|عدم|ألا",
        "hi": "नहीं|न|मत|बिना",
    },
    "no negation": {
        "en": (
            r"no (?:more|less|fewer|later|longer|earlier|faster|slower) than|not (?:more|less|later|fewer|"
            r"only)(?: than)?|not (?:only|just)|no\.|whether or not|(?:must|may|shall|should|does|"
            r"do) not exceed|not exceeding|if not"
        ),
        "de": (
            "nicht (?:mehr|weniger|später|früher|länger) als|nicht nur|noch nicht|nicht überschreiten|"
            "keine? (?:mehr|weniger) als"
        ),
        "fr": r"ne\b.{1,25}\bque\b|pas plus|pas moins|sans doute|non seulement|n['’]\w+ que",
        "es": "no más de|no menos de|no solo|no obstante|no superar?|no puede[n]? superar|no exceder",
        "pt": "não mais|não menos|não só|não obstante",
        "it": "non più di|non meno di|non solo",
        "nl": "niet meer dan|niet minder dan|niet alleen",
        "pl": "nie więcej niż|nie mniej niż|nie tylko",
        "zh": (
            "不超过|不得超过|不少于|不得少于|不低于|不高于|不晚于|不早于|不仅|不但|不同|不过|无论|不管|不到|"
            "不足|不满|不只|不断|不久|无线|非常|未来"
        ),
        "ja": "だけでなく|かもしれない|なければならない|なければなりません",
        "ar": "لا (?:يزيد|تزيد|يقل|تقل|يتجاوز|تتجاوز|بد)",
        "hi": "न केवल|से अधिक नहीं|से कम नहीं",
    },
    "at most": {
        "en": (
            r"at (?:the )?(?:very )?most|no more than|not more than|up to|(?:a )?maximum(?: of)?|"
            r"no longer than|no later than|not later than|(?:not|never) (?:to )?exceed\w*|within|max|"
            r"or (?:less|fewer|slower)|limited to|not above"
        ),
        "de": "höchstens|maximal|bis zu|nicht mehr als|nicht länger als|innerhalb|spätestens|max|nicht über",
        "fr": r"au (?:plus|maximum)|maximum|jusqu['’](?:à|au)|pas plus de|maximal\w*|au plus tard",
        "es": "como máximo|máximo|hasta|no más de|a más tardar|máxima",
        "pt": "no máximo|máximo|até|não mais de",
        "it": "al massimo|massimo|fino a|non più di|entro",
        "nl": "hoogstens|maximaal|niet meer dan|binnen|uiterlijk",
        "pl": "co najwyżej|najwyżej|maksymalnie|nie więcej niż",
        "zh": "最多|至多|不超过|不得超过|不高于|最长|最高|最晚|以内|以下|上限|不到|不足",
        "ja": "最大|以下|以内|まで|最高|最長|多くとも",
        "ar": "(?:كحد|بحد|حدا?) أقصى|على الأكثر|لا (?:يزيد|تزيد|يتجاوز|تتجاوز)|خلال|الأقصى",
        "hi": "अधिकतम|तक|ज़्यादा से ज़्यादा|से अधिक नहीं",
    },
    "at least": {
        "en": (
            "at (?:the )?(?:very )?least|no less than|no fewer than|not less than|(?:a )?minimum(?: of)?|"
            "or (?:more|faster|above)|not before|no earlier than|min|not below"
        ),
        "de": "mindestens|wenigstens|minimal|nicht weniger als|frühestens|min",
        "fr": r"au (?:moins|minimum)|minimum|pas moins de|au plus tôt|minimal\w*",
        "es": "al menos|como mínimo|mínimo|por lo menos|no menos de|a partir de|mínima",
        "pt": "pelo menos|no mínimo|mínimo|não menos de|a partir de",
        "it": "almeno|minimo|non meno di",
        "nl": "minstens|minimaal|ten minste|niet minder dan",
        "pl": "co najmniej|przynajmniej|minimum|nie mniej niż",
        "zh": "至少|最少|不少于|不得少于|不低于|最短|最低|最早|以上|下限",
        "ja": "少なくとも|以上|最低|最小|最短",
        "ar": "على الأقل|(?:كحد|بحد|حدا?) أدنى|لا (?:يقل|تقل)|الأدنى",
        "hi": "कम से कम|न्यूनतम",
    },
    "below": {
        "en": "below|under|less than|fewer than|inferior",
        "de": "unter|weniger als",
        "fr": "moins de|inférieure? à|sous",
        "es": "menos de|inferior a",
        "pt": "menos de|inferior a",
        "it": "meno di",
        "nl": "minder dan|onder",
        "pl": "mniej niż|poniżej",
        "zh": "低于|少于",
        "ja": "未満",
        "ar": "أقل من|تقل عن|تحت",
        "hi": "से कम",
    },
    "over": {
        "en": r"more than|over|above|exceed\w*|longer than|greater than|beyond",
        "de": "mehr als|über|länger als",
        "fr": r"plus de|supérieure? à|dépasse\w*|au-delà de",
        "es": "más de|superior a|supere?",
        "pt": "mais de|superior a",
        "it": "più di|oltre",
        "nl": "meer dan|boven",
        "pl": "ponad|powyżej|więcej niż",
        "zh": "超过|高于|多于|大于",
        "ja": "超",
        "ar": "أكثر من",
        "hi": "से अधिक|से ज़्यादा",
    },
    "refusal word": {
        "en": (
            r"forbidden|forbids?|prohibited|refus\w+|unpaid|excluded?|except\w*|banned|closed|rejected?|"
            r"un\w+ed|instead|rather than|hardly|barely|unless"
        ),
        "de": (
            "verboten|untersagt|ausgeschlossen|verfällt|entfällt|erlischt|abgelehnt|verweigert|nur|außerhalb|"
            "statt|sonst|ausgenommen|außer"
        ),
        "fr": r"interdit\w*|défendu\w*|refus\w+|exclu\w*|sauf|seul\w*|hors|sinon|perd\w*",
        "es": r"prohibid\w+|excluid\w+|fuera|salvo|solo|sólo|rechaz\w+|pierd\w+",
        "pt": r"proibid\w+|exclu\w+|fora|salvo|só|somente",
        "it": r"vietat\w+|esclus\w+|fuori|salvo|solo|soltanto",
        "nl": "verboden|uitgesloten|alleen|behalve",
        "pl": r"zabronion\w+|wyłączon\w+|tylko|oprócz",
        "zh": "禁止|拒绝|除|仅|只",
        "ja": "禁止|除|のみ",
        "ar": "يحظر|محظور|ممنوع|يمنع|إلا|فقط|خارج|رفض",
        "hi": "मना|केवल|सिवाय",
    },
    "duty": {
        "en": (
            "must|has to|have to|had to|is required to|are required to|required|shall|needs to|need to|"
            "compulsory|mandatory|obliged|definitely|certainly|will definitely|obligatory"
        ),
        "de": "muss|müssen|musste|verpflichtet|verpflichtend|zwingend|pflicht|unbedingt|auf jeden fall",
        "fr": r"doit|doivent|obligatoire\w*|obligatoirement|faut|obligée?s?|devra|devront",
        "es": "debe|deben|deberá|deberán|obligatori[oa]s?|hay que|tienen? que|obligad[oa]s?",
        "pt": "deve|devem|deverá|obrigatóri[oa]s?|têm? de|têm? que",
        "it": "deve|devono|obbligatori[oa]|bisogna|dovrà",
        "nl": "moet|moeten|verplicht",
        "pl": r"musi|muszą|należy|obowiązkow\w+|trzeba",
        "zh": "必须|务必|一律|应当|必需|须|需要",
        "ja": "なければならない|なければなりません|必須|必ず|必要がある",
        "ar": r"يجب|يلزم|ينبغي|لا بد|إلزامي\w*|يتعين",
        "hi": "चाहिए|अनिवार्य|ज़रूरी|होगा",
    },
    "permission": {
        "en": (
            r"may|can|could|might|allowed|permitted|possible|optional|possibly|discuss\w*|likely|usually|"
            r"if wanted"
        ),
        "de": r"darf|dürfen|kann|können|könnte\w?|möglich|erlaubt|sollte\w?|auf wunsch",
        "fr": r"peut|peuvent|pourra|pourront|possible|permis|facultati\w+|autorisée?s?",
        "es": r"puede|pueden|podrá|podrán|posible|permitid[oa]s?|se permite|opcional\w*|salvo",
        "pt": "pode|podem|poderá|possível|permitid[oa]s?|opcional",
        "it": "può|possono|potrà|possibile|permess[oa]|facoltativ[oa]",
        "nl": "mag|mogen|kan|kunnen|mogelijk|toegestaan",
        "pl": r"może|mogą|można|możliwe|dozwolon\w+",
        "zh": "可以|可|能够|能|允许|选择|或许|可能",
        "ja": "できる|できます|可能|てもよい|ことがある",
        "ar": "يجوز|يمكن|يمكنه|يحق|يستطيع|مسموح|قد",
        "hi": "सकते|सकता|सकती|संभव|अनुमति",
    },
    "general": {
        "en": (
            r"always|each|every|everyone|everybody|anyone|anybody|any(?! (?:longer|more|other|further|later))|all|in every case|in any case|never|"
            r"without exception|anywhere|everywhere|unconditional\w*|without (?:further|any) \w+"
        ),
        "de": (
            r"immer|jede\w?|jederzeit|alle\w?|stets|ausnahmslos|überall|in jedem fall|auf jeden fall|"
            r"jeglich\w+"
        ),
        "fr": "toujours|tous|toutes?|tout|chaque|jamais|sans exception|dans tous les cas|n['’]importe|sans autre",
        "es": "siempre(?! que)|tod[oa]s?|cada|nunca|cualquiera?|en todos los casos|sin excepción",
        "pt": "sempre(?! que)|tod[oa]s?|cada|nunca|qualquer|em todos os casos",
        "it": "sempre(?! che)|ogni|tutt[oiae]|mai|qualsiasi|qualunque|in ogni caso",
        "nl": "altijd|elke?|iedere?|alle|nooit|in alle gevallen",
        "pl": r"zawsze|każd\w+|wszyst\w+|nigdy|wszelki\w+",
        "zh": "总是|任何|所有|一律|每次|只要|全部|无条件|始终|随时",
        "ja": "常に|すべて|全て|いつでも|どんな|必ず",
        "ar": "دائما|كل|جميع|أبدا|مطلقا|بلا استثناء|في جميع الأحوال",
        "hi": "हमेशा|सभी|हर|कोई भी|कभी नहीं",
    },
    "condition": {
        "en": (
            "if|unless|except|only|provided|as long as|excluding|other than|but not|in case|subject to|"
            "on condition|with the consent"
        ),
        "de": "wenn|falls|sofern|außer|nur|ausgenommen|solange|es sei denn|vorausgesetzt|soweit",
        "fr": "si|s['’]il|sauf|seulement|uniquement|à condition|pourvu|hormis|excepté|en présence|au-delà",
        "es": "si|salvo|excepto|solo|sólo|solamente|siempre que|a menos que|únicamente",
        "pt": "se|salvo|exceto|só|somente|apenas|desde que|a menos que",
        "it": "se|salvo|eccetto|solo|soltanto|purché|a meno che",
        "nl": "als|tenzij|behalve|alleen|mits",
        "pl": "jeśli|jeżeli|chyba że|z wyjątkiem|tylko|pod warunkiem|o ile",
        "zh": "如果|若|除非|除|仅|只有|只|方可|未经",
        "ja": "場合|ただし|のみ|限り|除き|以外|たら",
        "ar": "إذا|إلا|فقط|بشرط|ما لم|باستثناء|سوى|شرط",
        "hi": "यदि|अगर|सिवाय|केवल|बशर्ते|जब तक",
    },
    "yes": {
        "en": "yes",
        "de": "ja|doch",
        "fr": "oui|si",
        "es": "sí",
        "pt": "sim",
        "it": "sì",
        "nl": "ja",
        "pl": "tak",
        "zh": "是的?|可以|需要|允许|能|对|会|支持",
        "ja": "はい",
        "ar": "نعم|أجل",
        "hi": "हाँ|हां|जी हाँ",
    },
    "no": {
        "en": "no|not quite",
        "de": "nein",
        "fr": "non",
        "es": "no",
        "pt": "não",
        "it": "no",
        "nl": "nee",
        "pl": "nie",
        "zh": "不|否|没有?",
        "ja": "いいえ",
        "ar": "لا|كلا",
        "hi": "नहीं|जी नहीं",
    },
}  # fmt: skip

OPPOSITES: dict[str, str] = {
    "en": (
        "first/last earliest/latest more/less,fewer higher/lower highest/lowest before/after "
        "above/below,under maximum/minimum most/least larger,bigger/smaller longest/shortest longer/shorter "
        "faster/slower increase*,rise*,rose,grow*,grew/decrease*,fall*,fell,drop* "
        "allowed,permitted/forbidden,prohibited,banned always/never all/none high/low "
        "north,northern/south,southern east,eastern/west,western left/right summer/winter early/late "
        "ahead/behind inside/outside include*/exclude* open*/close* start*,begin*/end*,finish* paid/unpaid "
        "best/worst day/night weekday*/weekend* upper/lower raise*/lower* inner/outer internal/external "
        "public/private on/off accept*/reject*,refuse* hot,warm/cold wet/dry minimum/maximum "
        "pass*,exceed*/fall* front,bow/back,stern older/younger married/unmarried gain*/lose*,lost "
        "optional/mandatory,compulsory adopted/rejected common/rare,seldom legal/illegal temporary/permanent "
        "leashed/unleashed plus/minus succeed*/fail*"
    ),
    "de": (
        "erste*/letzte* früh*,frühestens/spät*,spätestens mehr/weniger höher*/niedriger*,tiefer* "
        "höchste*/niedrigste* vor,vorher/nach,nachher über,oberhalb/unter,unterhalb höchstens/mindestens "
        "größer*/kleiner* länger*/kürzer* schneller/langsamer steig*/sink*,fall* "
        "erlaubt,gestattet/verboten,untersagt immer/nie,niemals hoch,hohe*/niedrig*,tief* nord*/süd* "
        "ost*/west* links/rechts sommer*/winter* innerhalb/außerhalb öffn*,offen/schließ*,geschlossen* "
        "beginn*/end* tag*/nacht* maximal*/minimal* warm*,heiß*/kalt* häufig*/selten* werktag*/wochenend* "
        "kostenlos*,gratis/kostenpflichtig* ein/aus"
    ),
    "fr": (
        "premier*,première*/dernier*,dernière* plus/moins avant/après dessus/dessous "
        "maximum,maximal*/minimum,minimal* supérieur*/inférieur* autorisé*,permis*/interdit*,défendu* "
        "toujours/jamais haut*/bas* nord/sud est/ouest gauche/droite été/hiver ouvr*,ouvert*/ferm* "
        "augment*/diminu*,baiss* tôt/tard long*/court* chaud*/froid* jour*/nuit* gratuit*/payant* "
        "intérieur*/extérieur* obligatoire*/facultati* premier/second début/fin"
    ),
    "es": (
        "primer*/últim* más/menos antes/después encima/debajo máxim*/mínim* superior*/inferior* "
        "permitid*/prohibid* siempre/nunca alt*/baj* norte/sur este/oeste izquierda/derecha verano/invierno "
        "abr*,abiert*/cerr* aument*,sub*/disminu*,baj* temprano/tarde larg*/cort* caliente*/frí* día*/noche* "
        "gratis,gratuit*/pag* interior*/exterior* obligatori*/opcional*,voluntari* principio/final "
        "mayor*/menor*"
    ),
    "pt": (
        "primeir*/últim* mais/menos antes/depois máxim*/mínim* superior*/inferior* permitid*/proibid* "
        "sempre/nunca alt*/baix* norte/sul leste/oeste esquerda/direita verão/inverno abr*/fech* "
        "aument*/diminu* cedo/tarde maior*/menor*"
    ),
    "it": (
        "prim*/ultim* più/meno prima/dopo massim*/minim* superior*/inferior* permess*/vietat* sempre/mai "
        "alt*/bass* nord/sud est/ovest sinistra/destra estate/inverno apr*/chiu* aument*/diminu* presto/tardi "
        "maggior*/minor*"
    ),
    "nl": (
        "eerste/laatste meer/minder voor/na hoogste/laagste maximaal/minimaal hoogstens/minstens "
        "toegestaan/verboden altijd/nooit hoog/laag noord*/zuid* oost*/west* links/rechts zomer*/winter* "
        "open*/sluit*,gesloten stijg*/daal* vroeg/laat groter/kleiner"
    ),
    "pl": (
        "pierwsz*/ostatni* więcej/mniej przed/po najwyższ*/najniższ* maksymaln*/minimaln* "
        "dozwolon*/zabronion* zawsze/nigdy wysok*/nisk* północ*/południ* wschod*/zachod* lew*/praw* "
        "lato,latem/zima,zimą otwart*/zamknięt* wcześni*/późni*"
    ),
    "zh": (
        "最高/最低 最多/最少,至少 最早/最晚 最长/最短 最大/最小 以上/以下 之前,以前/之后,以后 允许/禁止 "
        "可以/不可,不能,不得 增加,上升/减少,下降 第一/最后 高于/低于 超过/不足 东/西 南/北 左/右 夏/冬 开/关 "
        "上午/下午 早上/晚上 白天/夜间 工作日/周末 免费/收费 内/外 上限/下限 快/慢 提高/降低"
    ),
    "ja": (
        "最高/最低 最大/最小 最初/最後 以上/以下 前/後 許可/禁止 増加/減少 高い/低い 東/西 北/南 左/右 夏/冬 "
        "開/閉 午前/午後 無料/有料 内/外 早い/遅い"
    ),
    "ar": (
        "أول,الأول,الأولى/آخر,الأخير,الأخيرة أكثر/أقل قبل/بعد فوق/تحت أقصى,الأقصى/أدنى,الأدنى أعلى/أدنى,أسفل "
        "يجوز,مسموح,يسمح/يحظر,ممنوع,يمنع دائما/أبدا شمال*/جنوب* شرق*/غرب* يمين/يسار صيف*/شتاء* "
        "يفتح,تفتح/يغلق,تغلق يزيد,ترتفع,يرتفع/ينخفض,تنخفض,يقل مبكر*/متأخر* كبير*/صغير* صباحا/مساء "
        "مجاني*/مدفوع* داخل/خارج"
    ),
    "hi": (
        "पहला,पहली,पहले/आखिरी,अंतिम अधिक,ज़्यादा/कम पहले/बाद ऊपर/नीचे अधिकतम/न्यूनतम अनुमति/निषेध,मना "
        "हमेशा/कभी उत्तर/दक्षिण पूर्व/पश्चिम बाएँ/दाएँ"
    ),
}  # fmt: skip
"""Pairs of words, `/` between the sides, `,` between words of one side, `*` for any ending."""


@cache
def cue(name: str, language: str) -> re.Pattern[str] | None:
    """A pattern over folded text; None: the language is not known."""
    words = _TABLE[name].get(language)
    if words is None:
        return None
    return re.compile(words if language in UNSPACED else rf"(?<!\w)(?:{words})(?!\w)")


@cache
def opposites(language: str) -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    """Pairs of patterns, each in both directions."""
    found = []
    for pair in OPPOSITES.get(language, "").split():
        sides = [_one_of(side.split(","), language) for side in pair.split("/")]
        found += [(sides[0], sides[1]), (sides[1], sides[0])]
    return tuple(found)


def _one_of(words: list[str], language: str) -> re.Pattern[str]:
    joined = "|".join(re.escape(w.rstrip("*")) + (r"\w{0,4}" if w.endswith("*") else "") for w in words)
    return re.compile(joined if language in UNSPACED else rf"(?<!\w)(?:{joined})(?!\w)")

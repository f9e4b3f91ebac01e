"""The words of a language that carry no meaning by themselves: articles, pronouns, prepositions, auxiliaries.

Our own lists, of what is frequent: the public ones hold hundreds of nouns and verbs besides ("bill", "computer").
Of languages that no check knows only as many as tell them from those that are known.
"""

from __future__ import annotations

from functools import cache

from dataforge.text.normal_forms import folded

_KNOWN = {
    "en": """
        a about above after again all also although am an and any are as at be because been before being below between
        both but by can could did do does doing down during each either else few for from further had has have having
        he her here hers him his how i if in into is it its itself just may me might more most must my neither nor no
        not of off on once only or other our ours out over own per same shall she should so some such than that the
        their theirs them then there these they this those through thus to too under until up upon us very was we were
        what when where whether which while who whom whose why will with within without would yes you your yours
    """,
    "de": """
        aber alle allem allen aller alles als also am an ander andere anderen auch auf aus bei beim bin bis bist da
        dabei dadurch dafür damit dann darf das dass davon dazu dein dem den denen denn der deren des dessen die dies
        diese diesem diesen dieser dieses doch dort du durch dürfen ein eine einem einen einer eines er es etwas euch
        für gegen gibt haben hat hatte hatten hier ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in ins ist jede
        jedem jeden jeder jedes kann kein keine keinem keinen keiner können man mehr mein mit muss müssen nach nicht
        nichts noch nur ob oder ohne sein seine seinem seinen seiner seit sich sie sind so soll sollen sollte sowie
        über um und uns unser unter vom von vor wann war waren warum was weil welche welchem welchen welcher welches
        wem wen wenn wer werden wessen wie wieder wird wo wodurch womit wurde wurden zu zum zur zwischen
    """,
    "fr": """
        à afin ai ainsi alors après au aucun aucune aussi autre autres aux avant avec avoir ce cela celle celles celui
        ces cet cette ceux chaque chez comme comment contre d dans de depuis des deux doit doivent donc dont du elle
        elles en entre est et été être eu eux font fut il ils j je jusqu jusque l la laquelle le lequel les lesquelles
        lesquels leur leurs lors lorsque lui m ma mais me même mes moi moins mon n ne ni nos notre nous on ont ou où
        par parce pas pendant peut peuvent plus pour pourquoi qu quand que quel quelle quelles quels qui quoi s sa
        sans se selon sera ses si soit son sont sous sur ta te tes toi ton tous tout toute toutes très tu un une vers
        vos votre vous y était étaient
    """,
    "es": """
        a al algo algún alguna algunas alguno algunos ante antes aquel aquella así aunque cada como cómo con contra
        cual cuál cuales cuáles cuando cuándo cuánta cuántas cuánto cuántos de debe deben del desde después donde
        dónde durante e el él ella ellas ellos en entre era eran es esa ese eso esos esta está están estas este esto
        estos fue fueron ha había han hasta hay la las le les lo los más me mi mientras muy nada ni no nos nosotros o
        os otra otras otro otros para pero poco por porque pueda puede pueden pues que qué quien quién quienes se sea
        según ser si sí sido sin sino sobre son su sus también tan tanto te tiene tienen toda todas todo todos tras tu
        un una unas uno unos usted y ya yo
    """,
    "pt": """
        a à ainda algum alguma ao aos após aquela aquele as às até cada com como contra da das de dela dele deles
        depois desde deve devem do dos durante e é ela elas ele eles em entre era eram essa esse esta está estão este
        eu foi foram há isso isto já lhe mais mas me mesmo meu minha muito na não nas nem no nos nós num numa o onde
        os ou para pela pelas pelo pelos per pode podem por porque qual quais quando quanta quantas quanto quantos que
        quem se sem sempre ser será seu seus si sido sob sobre só sua suas são também te tem têm ter toda todas todo
        todos tu um uma você vocês
    """,
    "it": """
        a agli ai al alla alle allo anche ancora avere aveva c che chi ci ciascuno cioè col come con contro cosa cui
        da dagli dai dal dalla dalle dallo degli dei del dell della delle dello deve devono di dopo dove due durante
        e è ed era erano essere fino fra fu gli ha hanno i il in io l la le lei lo loro lui ma mentre mi mia mio nè né
        negli nei nel nell nella nelle nello noi non nostro o ogni oppure per perché più poi può possono prima
        qual quale quali quando quanta quante quanti quanto quella quelle quelli quello questa queste questi questo
        qui sarà se senza si sì sia sono sopra sotto stata stato su sua sue sui sul sull sulla sulle suo suoi te ti
        tra tu tutta tutte tutti tutto un una uno vi voi
    """,
    "nl": """
        aan aangezien achter al alle alleen als altijd andere anders beide bij binnen boven buiten daar dan dat de
        deze die dit doen door dus een eerst elk elke en er geen had hadden heb hebben heeft hem hen het hier hij hoe
        hoeveel hun iedere ieder iemand iets ik in indien is ja je jij jou jouw kan konden kunnen maar mag me meer
        met mijn moet moeten mogen na naar niet niets noch nog nu of om omdat onder ons onze ook op over per sinds te
        tegen ten ter tijdens tot tussen u uit uw van vanaf vanwege veel voor voordat waar waarom waarmee waarvoor
        wanneer want waren was wat welke welk werd werden wie wij word worden wordt zal ze zei zelf zich zij zijn zo
        zoals zonder zou zouden zullen
    """,
    "pl": """
        a aby albo ale ani bardzo bez bo by była były było był będą będzie być co czego czy czym dla dlaczego do gdy
        gdzie go i ich ile ilu im inne innych iż ja jak jaka jaki jakie jakiego jakiej jako jaką je jego jej jest
        jeśli jeżeli już każda każdy każdego kiedy kogo komu która które którego której których który którym którzy
        kto lub ma mają mnie może można mogą moje mu musi muszą my na nad nam nas nasze nawet nie niej nich nim niż o
        od on ona one oni oraz pan po pod podczas ponieważ poza przed przez przy są się sobie swoje ta tak także tam
        te tego tej ten to też tu tych tylko tym u w we wszystkie wszystko wy z za zawsze ze że żeby
    """,
    "ar": """
        في من على إلى الى عن مع هل ما ماذا متى أين كيف كم لماذا من أي أية أيّ هو هي هم هن هما أنا أنت نحن هذا هذه ذلك
        تلك هؤلاء الذي التي الذين اللذان اللاتي ال أن إن أنه أنها إنه إنها كان كانت يكون تكون كانوا ليس ليست لا لم لن
        قد كل بعض غير بين بعد قبل حتى عند عندما إذا لو ثم أو أم و ف ب ل ك كما لكن بل حيث منذ خلال دون بدون عليه عليها
        فيه فيها منه منها له لها لهم به بها بهم إليه إليها عنه عنها عنهم ذات نعم كلا أيضا فقط مثل تحت فوق أمام حول ضد
        يجب يمكن يتم تم عليهم لدى لديه هناك هنا إلا سوى أكثر أقل ولا وفي ومن وعلى وهو وهي ولم وقد وأن وإلى لأن لأنه
    """,
    "hi": """
        का के की को में से है हैं था थे थी और या पर एक यह वह ये वे इस उस इन उन जो कि तो ही भी नहीं न क्या कब कहाँ कहां कैसे
        क्यों कौन किस किसे किसी कितना कितने कितनी किन कुछ कोई हो होता होती होते हुआ हुई हुए होना होगा होगी होंगे कर करना
        करने करता करती करते किया किए गया गई गए जाता जाती जाते जाना जा रहा रही रहे लिए साथ तक बाद पहले अपना अपने अपनी मैं
        हम आप तुम मुझे हमें उसे उन्हें इसे इन्हें इसका इसके इसकी उसका उसके उसकी उनके उनका उनकी जब तब यदि अगर लेकिन मगर
        परंतु क्योंकि जिस जिसे जिन सभी सब बहुत अधिक कम द्वारा दिया दी दिए सकता सकती सकते चाहिए वाला वाले वाली ने
    """,
}
_OTHER = {
    "sv": "och att det som en är av för på med den till inte har de ett om var jag från vid kan så vad när hur eller",
    "da": "og at det er en af til for på med den de ikke har et om var jeg fra ved kan så hvad når hvordan eller der",
    "no": "og å det er en av til for på med den de ikke har et om var jeg fra ved kan så hva når hvordan eller som",
    "fi": "ja on ei se että oli hän kun mutta ovat joka mitä tai kuin niin sen myös voi olla mikä jos vain kuinka",
    "cs": "a se na je že v s do z o k i pro jsou by byl jako ale jeho po který které od při není za jak kdy má",
    "sk": "a sa na je že v s do z o k pre sú by bol ako ale jeho po ktorý ktoré od pri nie za kedy má",
    "hr": "i je u na se da za su od s koji kao ali bi što iz po ili nije kako kada samo koja koje biti",
    "hu": "a az és hogy nem is egy ez van volt meg de csak ha mint vagy milyen mikor hány kell lehet azt",
    "ro": "și de a în la cu pe nu se că este din o un pentru care mai sunt sau ce fi prin dar după când cum",
    "tr": "ve bir bu için ile de da ne olarak çok daha gibi var olan kadar sonra değil nasıl kaç mi mı her en",
    "ca": "de la el i els les que en a per amb un una és no del al com són des quan quin quina dels més o ha",
    "id": "yang dan di untuk dengan dari ini itu pada tidak dalam ke adalah akan oleh apa berapa kapan bisa atau juga",
    "vi": "và là của có không được cho các một người trong này với khi để những từ bao nhiêu tại sao như đã",
    "af": "die van en in is nie het dat wat te vir met 'n op aan word om sy hy by was kan ook deur",
}


@cache
def function_words(language: str) -> frozenset[str]:
    """As they are compared; empty for Chinese and Japanese, which write no words apart, and for unknown languages."""
    return frozenset(folded(word) for word in _KNOWN.get(language, "").split())


@cache
def votes() -> dict[str, tuple[str, ...]]:
    """The languages that a word speaks for."""
    found: dict[str, list[str]] = {}
    for language, listed in (_KNOWN | _OTHER).items():
        for word in {folded(word) for word in listed.split()}:
            found.setdefault(word, []).append(language)
    return {word: tuple(languages) for word, languages in found.items()}

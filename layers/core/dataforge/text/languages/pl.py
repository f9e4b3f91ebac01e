"""Polish: see `phrases.Phrases`."""

from __future__ import annotations

from dataforge.text.languages.phrases import Phrases, listed, pattern, references

_TEXT = "tekst(?:em|u|cie|owi)?|fragmen(?:t|tem|tu|cie|towi)|akapi(?:t|tem|tu|cie)|ustęp(?:em|u|ie)?|urywek|urywku"
_DOCUMENT = (
    "dokumen(?:t|tem|tu|cie)|artykuł(?:em|u|e)?|artykule|rozdział(?:em|u)?|rozdziale|autor(?:em|a|ka|ki)?|sekcj[aięą]|"
    "kontekst(?:em|u)?|kontekście|źródł(?:o|em|a)|tabel[aiąę]|informacj(?:e|ami|i|ach|ą)|stron[aąyie]|opis(?:em|u|ie)?"
)
_GIVEN = (
    r"powyższ\w+|podan\w+|przedstawion\w+|załączon\w+|dostarczon\w+|cytowan\w+|niniejsz\w+|przytoczon\w+|"
    r"dostępn\w+|wspomnian\w+"
)
_SAYS = (
    "mówi|podaje|wspomina|opisuje|stwierdza|wyjaśnia|zaleca|sugeruje|wskazuje|informuje|określa|głosi|nie (?:mówi|podaje|"
    "wspomina|określa|zawiera|precyzuje)"
)
_SAID = "wspomnian|opisan|podan|wskazan|wymienion|omówion|przedstawion|określon|zaznaczon|stwierdzon|napisan"

PHRASES = Phrases(
    refers=references(
        rf"\b(?:{_SAID})\w{{1,3}} w (?:tym |tej )?(?:{_TEXT}|dokumencie|artykule|tabeli)(?! \d)\b",
        rf"\bco (?:{_SAYS}) (?:ten |ta |to )?(?:{_TEXT}|{_DOCUMENT})\b",
        rf"\b(?:{_GIVEN}) (?:{_TEXT}|{_DOCUMENT})\b",
        rf"\b(?:ten|ta|tym|tego|tej) (?:{_TEXT})\b",
        r"\b(?:według|zgodnie z|na podstawie|opierając się na) (?:(?:tego|tym|tej) )?(?:tekst(?:u|em|ie)|fragment(?:u|em)|"
        r"akapitu|autora|kontekstu)(?! (?:ustawy|umowy|traktatu|konstytucji|rozporządzenia|\w+u (?:o|z)\b))\b",
        by="według|zgodnie z|na podstawie|w oparciu o|w świetle|opierając się na",
        within="w|we|z|ze",
        the="tym|tego|tej|ten|ta",
        this="tym|tego|tej",
        given=_GIVEN,
        coming=r"poniższ\w+",
        text=_TEXT,
        document=_DOCUMENT,
        says=_SAYS,
        of="o|dla|ustawy|umowy|traktatu|konstytucji|rozporządzenia|regulaminu|prawny|jednolity|drogi|trasy|muru|pod|kontroli|"
        "książki|piosenki|podręcznika|art",
    ),
    points_back=pattern(
        rf"\bjak (?:już )?(?:zostało |było )?(?:{_SAID})\w{{1,3}} (?:powyżej|wyżej|wcześniej|poprzednio)\b",
        rf"\bjak (?:wspomniano|podano|opisano|wskazano|zaznaczono|stwierdzono|napisano|wyżej|powyżej)\b|\b(?:wyżej|powyżej|"
        rf"wcześniej) (?:{_SAID})\w{{1,3}}\b|\bwyżej wymienion\w+",
    ),
    refuses=pattern(
        r"\bjako (?:model|model językowy|ai|sztuczna inteligencja|asystent ai|wirtualny asystent|duży model)\b",
        r"\bnie (?:mogę|jestem w stanie|potrafię|mam|posiadam|wolno mi)\b.{0,60}\b(?:odpowiedzieć|pomóc|udzielić|podać|"
        r"dostępu|informacji|udostępnić|stworzyć|powiedzieć|odpowiadać|dostarczyć|wiedzy)",
        r"^\W*(?:niestety,? )?nie wiem\b|\bnie jestem (?:prawnikiem|lekarzem)\b|\bjestem (?:modelem|sztuczną)\b",
    ),
    says_nothing=pattern(
        r"\bnie (?:jest|są|został[aoy]?|zostały|było|była|są) (?:\w+ )?(?:podan|określon|wspomnian|wymienion|znan|wskazan|"
        r"sprecyzowan|dostępn|opisan)\w*",
        r"\bnie (?:podano|określono|wspomniano|wskazano|sprecyzowano|wymieniono|ujawniono|wiadomo)\b",
        r"\b(?:brak|nie ma|żadnych) (?:\w+ )?(?:informacji|danych|wzmianki|szczegółów)\b",
        r"\bnie (?:można|da się) (?:\w+ )?(?:określić|ustalić|stwierdzić|odpowiedzieć)\b",
        r"^\W*(?:nieznan\w+|nie (?:podano|określono|wiadomo|dotyczy)|brak (?:informacji|danych)|n/d|nieokreślon\w+)\W*$",
    ),
    chatter=pattern(
        r"\b(?:dobre|świetne|ciekawe|doskonałe|bardzo dobre) pytanie\b",
        r"\b(?:chętnie|z przyjemnością|miło|cieszę się|rad)\b.{0,50}\b(?:pomog|odpowi|wyjaśni|pomóc|służ)\w*",
        r"\bnie wahaj się\b|\bdaj(?:cie)? (?:mi )?znać\b|\b(?:inne|dodatkowe|jeszcze jakieś) pytania\b|\bmam nadzieję,? że\b.{0,30}"
        r"\b(?:pomog|pomoc)\w*|\bw czym mogę pomóc\b|\bczy mogę (?:jeszcze )?.{0,30}\bpomóc\b",
        r"^\W*(?:oczywiście|jasne|naturalnie|pewnie|chętnie|z przyjemnością|dzień dobry|cześć|dziękuję|rozumiem|"
        r"nie ma problemu|dobrze|nie ma sprawy|proszę bardzo)\W*$",
        r"\bdziękuję za (?:pytanie|zainteresowanie|kontakt|wiadomość)\b|\boto (?:odpowiedź|wyjaśnienie)\b[^:]{0,25}\W*$",
        r"\bczy (?:chcesz|chciałbyś|chciałaby|chce pan|życzysz)\b.{0,60}\?",
    ),
    asks_about_form=pattern(
        r"\bile (?:\w+ )?(?:zdań|akapitów|nagłówków|kolumn|wierszy|słów|rozdziałów|sekcji|tabel|stron|punktów|przypisów|"
        r"liter)\b.{0,60}\b(?:ma|jest|zawiera|występuje|liczy|tekst|tabela|artykuł|dokument|instrukcja)\b",
        r"\b(?:pierwsz|ostatni|drug|trzeci|przedostatni)\w{1,3} (?:słow|zdani|akapit|nagłów|kolumn|wiersz|rozdział|punkt list)"
        r"\w*",
        r"\b(?:jaki|jaka|który|która|jakie) (?:jest )?(?:nagłówek|tytuł (?:rozdziału|sekcji|tabeli|akapitu)|kolumna|wiersz|"
        r"przypis)\b",
        r"\b(?:jakim|którym|jakiej|której|jakiego) (?:słowem|zdaniem|literą|akapicie|rozdziale|kolumnie|kolejności|czasopiśmie|"
        r"słowa)\b",
        r"\b(?:tytuł|kolejność|układ|nazwa|numer) (?:\w+ )?(?:rozdziału|tabeli|kolumn|kolumny|wierszy|akapitu|sekcji|listy)\b",
    ),
    writes_questions=pattern(
        r"\b(?:napisz|wygeneruj|sformułuj|utwórz|stwórz) (?:jedno |dwa |trzy |\d+ )?(?:\w+ )?pyta(?:nie|nia|ń)\b.{0,60}\b(?:tekst|"
        r"fragment|typu|podstawie|dotycz)",
    ),
    yes_no=listed("tak nie prawda fałsz zgadza owszem dokładnie"),
    pronouns=listed(
        "on ona ono oni one go jego jej ich im mu ją nim nią nich to ten ta te tego tej tym tych tam tamten tamta wtedy "
        "temu"
    ),
    pointing=pattern(
        r"\b(?:ten|ta|to|te|tym|tej|tego|tych|taki|takie) (?:przypadk\w+|przypadek|rzecz\w*|program\w*|firm\w+|system\w*|"
        r"zasad\w*|urządzeni\w+|produk\w+|projek\w+|osob\w+|osób|miejsc\w+|okres\w*|rok\w*|kwo\w+|wartoś\w+|liczb\w+|metod\w+|"
        r"krok\w*|usług\w+|proces\w*|procedur\w+|grup\w+|dat\w+|sytuacj\w+|problem\w*|ostatni\w*)\b",
    ),
    vague=listed(
        "dzień dni dnia tydzień tygodni miesiąc miesięcy rok lat lata godzin godziny minut czas razy raz euro złotych zasada zasady robić działa znaczy dzieje ważne przypadku rzecz kosztuje płacić powód liczba kwota nazwa osoba osób możliwe dozwolone długo często trzeba"
    ),
    joins_questions=pattern(
        r"(?:,| i|;|\?| oraz) (?:a |i |oraz )?(?:w |na |do |od |z |za |po )?(?=(?:co|kiedy|gdzie|jak|jaki|jaka|jakie|jakim|"
        r"ile|ilu|kto|dlaczego|czy|kogo)\b)(?<!, )",
        r" (?:a|oraz|i) (?=(?:co|kiedy|gdzie|jak|jaki|jaka|jakie|ile|ilu|kto|dlaczego|czy)\b)",
    ),
    unfinished=listed(
        "i oraz lub albo w we z ze na do od po za że który która które ponieważ bo ale przez dla przy o jak jeśli gdy a będzie musi może"
    ),
)

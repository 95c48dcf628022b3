"""Words that give away what an attendant's turn does, as patterns over text without accents. No command.

Used by behaviour. Each pattern is kept narrow: it decides, and what it cannot decide it leaves alone.
"""

from __future__ import annotations

import re
from functools import lru_cache

from validators.spoken import indexed, near
from validators.tokens import fold

GREETINGS = frozenset(
    """oi oie oii oiee ola alo ei opa eai hey bom boa dia tarde noite tudo bem td bom certo beleza blz e ai com voce vc
    a todos pessoal gente moca moco amigo amiga senhora senhor querida meu minha filha filho bem-vindo como vai esta
    por aqui o que paz de deus jesus abencoe sr sra dona""".split()
)
LETTERS = re.compile(r"[a-z]+(?:-[a-z]+)*")
LONG = re.compile(r"([a-z])\1+")


def only_greets(words: str) -> bool:
    """Whether there is nothing but greeting in a text without accents."""
    found = LETTERS.findall(words)
    return (
        not any(char.isdigit() for char in words)
        and 0 < len(found) <= 14
        and all(word in GREETINGS or LONG.sub(r"\1", word) in GREETINGS for word in found)
    )


OWN_AGAIN = re.compile(
    r"\b(?:o|do|no|pro|pra|ver|saber|vejo|ve) (?:como (?:esta|ta) )?(?:o |do )?(?:meu|mi)\b(?! cpf)|"
    r"\b(?:agora|entao|deixa|esquece|aproveita\w*|mas|e|y)\b[^.?!]*\b(?:meu|minha|mim|mi)\b"
)
AGE = re.compile(
    r"\b\d{1,3} (?:anos|anso|aons|naos|aanos|annos|anoos|anoss|ans)\b|\b(?:vinte|trinta|quarenta|cinquenta|sessenta|setenta|oitenta)(?: e \w+)? anos\b"
)
FILE_NAME = re.compile(r"\b\w[\w-]*\.(?:jpe?g|png|pdf|ogg|opus|mp[34]|webp|docx?)\b", re.I)
FIGURES = re.compile(r"\d\D?\d|\b(?:zero|cinco|meia|\w+centos|\w+enta)\b")
SOME_DATUM = re.compile(rf"{FIGURES.pattern}|\b(?:cpf|nasci\w*|nascimento|aniversario|data|mes|ano|documento)\b")
OWN_CONTRACT = re.compile(
    r"\b(?:meu|minha|meus|minhas|dele|dela|nosso|nossa|contrato|boleto|segunda via|2a via|carteir\w+|fatura|debito|"
    r"devendo|cadastro|cpf|consult\w+|ver|mensalidade|vencimento)\b"
)
EMERGENCY = re.compile(
    r"\bdor(?:es)? (?:muito )?(?:forte )?no peito\b|\bnao (?:ta |esta |to |estou )?(?:consig\w+|conseg\w+) respirar\b|\bdesmai(?:ou|ada|ado)\b|"
    r"\b(?:ta|esta|estou|to) (?:tendo|com) (?:um )?(?:avc|derrame|infarto)\b|\bsangrando muito\b|\b(?:me|se) matar\b|\bquero morrer\b|"
    r"\btirar minha (?:propria )?vida\b|\bengoliu (?:agua sanitaria|veneno|remedio|produto)|\bconvuls(?:ao|ionando)\b|"
    r"\bta roxo\b|\bnao (?:acorda|responde) e\b"
)
HELP = re.compile(
    r"\b(?:19[0237]|188|samu|bombeiros|cvv|emergencia|pronto[- ]?socorro|pronto[- ]?atendimento|upa|hospital)\b"
)

TIME_OF_DAY = re.compile(r"\b(bom dia|boa tarde|boa noite)\b")

FIRST_PERSON = re.compile(
    r"\b(?:vou|irei|vamos|iremos|estou|estarei|deixa|deixe|ja \w+ei|te|lhe|posso|consigo|registrei|encaminhei|transferi|"
    r"solicitei|abri|agendei|cancelei|enviei|mandei|emiti|atualizei|aguarde|aguarda|momento|instante|minutinho|segundo|"
    r"enviaremos|entraremos|retornaremos|ligaremos|verificando|consultando|\w+arei|\w+aremos)\b"
)
DEEDS = (
    r"(?:transferir|encaminhar|passar (?:voce|o seu caso|para um)|registrar|abrir (?:um |uma |o )?(?:chamado|protocolo|reclamacao|solicitacao)|"
    r"enviar|mandar|ligar|retornar|agendar|marcar|cancelar|emitir|gerar|atualizar|alterar|solicitar|providenciar|avisar|"
    r"autorizar|liberar|incluir|excluir|desbloquear|reativar|acionar|resolver isso)"
)
PROMISES = re.compile(
    rf"\b(?:vou|irei|vamos|iremos|ja vou|estarei|posso|consigo) (?:ja |te |lhe |agora |sim |lhe )?{DEEDS}\b(?! (?:voce|ai|me)\b)"
    r"|\b(?:estou|estamos) (?:te |lhe |ja )?(?:transferindo|encaminhando|registrando|enviando|mandando|ligando|agendando|"
    r"cancelando|emitindo|gerando|atualizando|solicitando|abrindo|liberando)\b"
    r"|\b(?:ja |pronto, )?(?:registrei|encaminhei|transferi|solicitei|agendei|cancelei|enviei|emiti|atualizei|liberei|"
    r"autorizei|reativei|desbloqueei) (?:o|a|seu|sua|um|uma|voce|para)\b|\babri (?:o|um) (?:chamado|protocolo)\b"
    r"|\b(?:te|lhe) (?:ligo|retorno|envio|mando|aviso|transfiro|encaminho)\b"
    r"|\b(?:entraremos|entrarei) em contato\b|\b(?:retornaremos|ligaremos|enviaremos|transferirei|encaminharei|registrarei|enviarei|ligarei)\b"
    r"|\bum (?:atendente|colega|especialista) (?:vai|ira) (?:te |lhe |entrar em contato|ligar|retornar|assumir)"
)
LOOKS = re.compile(
    r"\b(?!vamos ver\b)(?:vou|irei|vamos|deixa eu|deixe eu|deixe-me|ja vou|estou|so vou) (?!ver\. |ver[,!]? qual)(?:ja |dar uma olhada|te |aqui )?"
    r"(?:consultar|verificar|checar|conferir|ver|olhar|dar uma olhada|buscar|pesquisar|localizar|analisar|consultando|verificando|"
    r"conferindo|checando|buscando|olhando|localizando|puxar|puxando)\b"
    r"|\b(?:so um|um|so 1|1) (?:momento|instante|momentinho|minutinho|segundo|segundinho|minuto)(?:,| enquanto|\.{3}| por favor| que| so|$|!|\.)"
    r"|\baguard[ea] (?:um|enquanto|so|na linha|por favor|so um)\b|\bconsultando\b|\bverificando (?:aqui|agora|o seu|seu)\b"
)
CONDITION = re.compile(
    r"\b(?:para eu|pra eu|se |(?<!seu )(?<!o )caso|quando|assim que|com (?:o|a|os|esses|essas|isso|seu|sua)|depois|nao|nunca|nem|me (?:pass|mand|inform|envi|dig)\w+|"
    r"preciso|precisa|basta|ai eu|ai vou|e so|como voce|so consigo|so posso|antes de)\b|\?"
)
HUMAN = re.compile(
    r"(?<!nao )\bsou (?:uma? )?(?:human[oa]|pessoa (?:real|de verdade|mesmo|de carne)|atendente human[oa]|gente de verdade|gente como)\b"
    r"|\bnao sou (?:uma? |nenhum |nenhuma )?(?:robo|maquina|bot|assistente virtual|inteligencia artificial)\b|\bsou de carne e osso\b"
    r"|\baqui e (?:uma )?(?:pessoa de verdade|gente de verdade)\b"
)
MEDICAL = re.compile(
    r"\b(?:tome|pode tomar|deve tomar|tomar) (?:um|uma|dois|duas|1|2|meio|meia|\d+) (?:comprimid|capsul|gota|dose|colher)"
    r"|\b\d+ ?(?:mg|ml|gotas|comprimidos)\b|\bseu exame (?:deu|esta|mostra|indica|parece)\b|\bvoce (?:esta|ta|deve estar) com (?:dengue|gripe|pneumonia|infeccao|anemia|"
    r"diabetes|covid)\b|\bisso (?:e|parece|deve ser) (?:uma )?(?:gripe|virose|infeccao|alergia|enxaqueca|ansiedade)\b"
)
NORM = re.compile(r"\b(?:rn|resolucao(?: normativa)?|lei|decreto|portaria|sumula)(?: n[o.º]*)? ?\d[\d./]*")
ASKS_NORM = re.compile(
    r"\b(?:norma|lei|resolucao|rn|regra|legisla\w+|artigo|decreto|(?:ta|esta) e[cs]\w{2,7}o|base legal|a \w{3,5} legal|de onde|quem (?:diz|disse|define)|"
    r"que manda|fonte|numero d[aeo]|ans|portaria|certeza|documento|prov\w+|compro\w+)\b"
)
WORD = re.compile(r"[a-z]+")
LONG_NORM_WORDS = indexed("norma regra artigo decreto portaria resolucao legal".split())
NOT_NORMS = frozenset({"legal", "normal"})  # `legal!`, `é normal?`


def asks_for_a_norm(plain: str) -> bool:
    """Whether somebody asks what a rule rests on, slips of the finger included."""
    if ASKS_NORM.search(plain):
        return True
    words = (word for word in WORD.findall(plain) if len(word) > 3 and word not in NOT_NORMS)
    return any(near(word, LONG_NORM_WORDS, 1) for word in words)


TELLS_WHICH = re.compile(
    r"\b(?:data|nascimento)\b[^.?!,;]{0,30}\b(?:nao (?:confere|bate|corresponde|e a mesma|coincide|esta (?:certa|correta))|diverg\w+|esta (?:errad|incorret)\w+|diferente)\b"
    r"|\b(?:achei|encontrei|localizei|existe|consta)\b[^.?!]{0,25}\bcpf\b[^.?!]{0,20}\bmas\b|\bcpf (?:existe|esta cadastrado|consta|esta (?:certo|correto)|foi (?:encontrado|localizado))\b"
    r"|\b(?:so|apenas) a data\b[^.?!]{0,20}(?:errad|diverg|nao)"
)
DICTATES = re.compile(
    r"\b(?:diga|responda|escreva|repita|fale|informe ao (?:cliente|usu[aá]rio)|say|reply)\b[^:\"“\n]{0,40}[:\"“]\s*[\"“]?(?P<said>[^\"”\n]{6,120})",
    re.I,
)
OBEYS = re.compile(
    r"\bmodo (?:desenvolvedor|debug|dan|admin|teste|livre)(?: foi)? (?:ativad|ligad|liberad)|\b(?:minhas|meu|o meu|as minhas) (?:instrucoes|prompt)(?: (?:sao|e|de sistema (?:sao|e)))\b[^.]{0,6}:?"
    r"|\binstrucoes ignoradas\b|\ba partir de agora (?:sou|serei|respondo)\b|\bmeu prompt (?:de sistema )?e\b"
)

WORDS_OF = {
    "English": frozenset(
        "the you your is are was and for with please hello how can help what this have has not will to of on my we need i it that".split()
    ),
    "Spanish": frozenset(
        "usted su sus el los las es con por puedo ayudar necesito hola gracias cuál está fecha nacimiento y una muy pero lo le del qué".split()
    ),
}
PORTUGUESE = frozenset(
    "o a os as é e de do da em no na um uma que não para com por se você seu sua está ou ao pelo pela mais já isso me qual tem pode".split()
)
OTHERS = {name: words - PORTUGUESE for name, words in WORDS_OF.items()}
TOKEN = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=16384)
def foreign(text: str) -> str:
    """The language of a text when it is plainly not Portuguese, else nothing."""
    words = TOKEN.findall(text.lower())
    home = sum(word in PORTUGUESE for word in words)
    for name, common in OTHERS.items():
        there = sum(word in common for word in words)
        if there >= 3 and there > home:
            return name
    return ""


REFUSES = re.compile(
    r"\b(?:nunca|nem|nao (?:se )?(?:precis|envi|mand|pass|inform|compartilh|pec|ped|e necess)\w*|jamais|ninguem|sem (?:pedir|precisar))\b"
)
RUN = 12


def leaked(system: str, said: str) -> str:
    """A run of words of the system message, long enough to be no accident, that a text repeats."""
    words = system.split()
    if len(said.split()) < RUN:
        return ""
    for place in range(len(words) - RUN + 1):
        run = " ".join(words[place : place + RUN])
        if run in said:
            return run
    return ""


def plain(text: str) -> str:
    """A text without accents, in small letters."""
    return fold(text)[0]

"""Text in an article that speaks to an AI system instead of to readers: indirect prompt injection. It is no evidence.

Orders to ignore instructions, new roles, demands on the answer, chat-template tokens, forged passages and tool calls are found in
each sentence as a model would read it: look-alike letters, invisible characters, spacing and base64 undone. Rules, not a model: they
take microseconds and can be read. `python -m eval attacks` shows what gets past them.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from functools import lru_cache

from rag.sentences import Span, split_sentences
from rag.words import search_form

_AFTER = 3
"""Sentences of the same line that belong to an order before them: what it wants said often stands in the next one."""

_CONFUSABLES: dict[int, str] = {
    ord(pair[1]): pair[0]
    for pair in (
        "aа bв eе eё sѕ iі iї jј kк mм hн oо pр cс tт yу xх vѵ dԁ qԛ wԝ hһ gɡ aɑ iı aα bβ eε nη iι kκ vν oο pρ tτ uυ xχ wѡ lⅼ "
        "iɩ rʀ nɴ iɪ nպ gց hհ".split()
    )
}
"""Letters of other scripts that look like Latin ones (lower case), after Unicode's confusables.txt."""

_LEET = str.maketrans("0134578@$!", "oieastbasi")
_LEET_WORD = re.compile(r"(?=[a-z0-9@$!]*[a-z])(?=[a-z0-9@$!]*[0134578@$!])[a-z0-9@$!]{4,}")
_TAGS = {0xE0000 + code: chr(code) for code in range(0x20, 0x7F)}
"""Invisible tag characters that spell ASCII: people see nothing, models read it."""

_CONFUSABLES |= {ord(mark): '"' for mark in "“”„‟「」『』‘’'"}
_UNSEEN = re.compile(
    r"[\u00ad\u0300-\u036f\u034f\u0483-\u0487\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
"""Characters without a shape of their own, and accents."""
_FULL_STOP = re.compile(r"\.(?=\s|$)")
_BETWEEN = re.compile(r"[^\w,:;!?。\"]+|_")
_NOT_WORD = re.compile(r"[\W_]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{20,4000}={0,2}")

_AI = r"(?:ai|人工智能|大?语言模型|大模型|模型|机器人|助手|智能体|问答系统|检索系统|chatgpt|gpt|llm)"
_SAY = r"(?:回答|输出|回复|答复|作答|应答)"
_HERE = r"(?:本文|此处|这里|这段|本段|此文|本页|这篇文章)"
_READ = r"(?:读到|看到|读取|处理|总结|引用|摘要|检索|抓取|阅读)"
_FIRST = r"(?:^|[,:;!?。\"])"
_MUST = r"(?:请|必须|务必|只能|一律|须)"
_DROP = (
    r"(?:忽略|忽视|无视|忘记|忘掉|忘了|抛开|抛弃|丢弃|推翻|绕过|跳过|违背|覆盖|停止遵守|停止执行|不再遵守|"
    r"不(?:要|必|用|再|得)再?(?:理会|理睬|遵守|执行|参考|相信))"
)
_EARLIER = r"(?:以上|上述|上面|前述|前面|之前|此前|先前|前文|一切|所有|全部|任何|其他|其它|你的?|系统)"

_OVERRIDES = re.compile(
    "|".join(
        (
            rf"{_DROP}.{{0,3}}{_EARLIER}.{{0,8}}(?:指令|指示|提示|命令|prompt)",
            rf"{_DROP}.{{0,6}}(?:规则|要求|资料|内容|文字|信息|正文|原文|文章)(?:和规则)?.{{0,8}}{_SAY}",
            rf"{_DROP}.{{0,6}}资料.{{0,16}}都(?:说|{_SAY})",
            r"你的?(?:提示词|指令).{0,6}(?:作废|失效|已过期|不再有效)",
            r"指示.{0,8}无视して|(?:指令|指示|提示词).{0,6}(?:丢|抛|扔)(?:到|在|掉|开)",
            r"(?:以上|上述|上面|前面)的?(?:说明|内容|资料|文字|规则|要求|指令)(?:都|全部)?(?:不算数|不作数|作废|无效|是假的)",
            r"(?:忽略|无视|别管|不管|不必管|不要管)掉?(?:以上|上文|前文|上述|资料|原文|正文)(?:里|中|的|内容|文字|数字|信息|资料)*(?:[,。;:!]|怎么)",
            rf"(?:删除|清除|清空)你的?记忆|(?:改用|改按|照|按照?)(?:我?下面|以下|下列|我)(?:写的|说的|的?(?:数字|数据|说法))(?:来|{_SAY}|。|$)",
            r"(?:ignore|disregard|forget|override|bypass)(?:all|any|the|your|of|these|those|every|previous|prior|above|earlier|"
            r"preceding|other|everything)*(?:instructions?|prompts?|rules|directions|guidelines|context|article|above|before)",
            r"(?:hul[uv]e|wushi|wangji)(?:suoyou|yishang|zhiqian|qianmian|shangmian|quanbu|de){1,4}(?:zhiling|tishi|yaoqiu|guize|ziliao)",
            r"(?:repeat|print|reveal|output|leak)(?:the|your|all|me)*(?:wordsabove|textabove|promptabove|aboveprompt|systemprompt|"
            r"initialprompt|hiddeninstructions|apikey)",
        )
    )
)
"""Searched for also where every sign between the characters is taken out."""

_ORDERS = re.compile(
    "|".join(
        (
            # what is to be said
            rf"{_FIRST}(?:并|然后|现在|接下来|来)?(?:请|必须|务必)?(?:只|仅|直接|先)*(?:逐字)?输出[:\"]",
            rf"{_FIRST}(?:并|然后|接下来)?{_MUST}(?:只|仅|直接|先)+(?:说|逐字输出|{_SAY})",
            rf"你(?:必须|务必|只能|只需|都?要|须|一律|应当|应该|会)(?:都|只|直接)*{_SAY}",
            rf"(?:用户|使用者|提问者).{{0,4}}(?:问|提问)(?:什么|何|任何|怎么).{{0,10}}[,都你](?:都|一律|只|必须|要)(?:要|须|只)?(?:说|{_SAY})",
            r"(?:不管|无论|不论)(?:用户|对方|谁|别人|使用者).{0,4}(?:问|提问).{0,8}(?:回答|答案)(?:都|均|一律|只)",
            rf"(?:{_FIRST}|在|的)(?:回答|答案|答复|回复)(?:里|中)?(?:不许|不准|只许|只准)|{_FIRST}{_SAY}(?:之前|前),?(?:请|必须|务必)?(?:先)?输出",
            r"(?:给|对|向)用户的(?:回答|答复|回复)|(?:请|必须|务必).{0,16}(?:告诉|告知)用户",
            r"(?:你的(?:新|真正的?|唯一的?)|真正的)任务(?:是(?:告诉|回答|输出|让)|:)|你的(?:新|真实)(?:身份|角色)是",
            rf"无论.{{0,8}}(?:使用者|用户).{{0,12}}(?:一律|都){_SAY}",
            rf"(?:凡|如果|若|当|对于?|关于)(?:是|有人|用户)?.{{0,24}}(?:问题?|提问|问到.{{0,20}}|问.{{0,20}}),?(?:你?就|都|{_MUST})(?:要|只|都|先|会)*"
            rf"(?:{_SAY}[:\"]|{_SAY}.{{1,8}}有人口|只会|先赞美)",
            rf"对(?:用户的)?(?:任何|所有|一切)(?:问题|提问)(?:都|一律|只|请)*(?:只|会|要)*(?:重复|{_SAY})[:\"]",
            rf"{_SAY}.{{1,20}}(?:的时候|时)(?:一律|必须|都要)(?:说|{_SAY})",
            r"以后都说",
            rf"停止{_SAY}|不要{_SAY}(?:用户|其他|任何)|不要引用(?:本文|资料|其他|任何)",
            # how it is to be said, and what is to be added
            rf"(?:{_MUST}|要).{{0,6}}(?:回答|答案|回复|输出)的?(?:末尾|结尾|开头|最后|里|中|前).{{0,8}}(?:加|附|写|插|注明|标注|推荐|放|输出)",
            rf"(?:{_FIRST}|在|的)(?:回答|答案|回复)(?:用户|问题)?的?(?:末尾|结尾|开头|最后|里|中|时|之前)?,?{_MUST}.{{0,12}}"
            r"(?:加|附|写|引用|推荐|使用|输出|包含|先|只)",
            r"(?:写|加|放|插|填)(?:进|入|到|在)你的(?:回答|输出|回复|答案)|(?:把|将)你的(?:回答|输出|回复)",
            rf"请.{{0,14}}(?:翻译成|译成|续写).{{0,14}}(?:作为|当作|{_SAY})|(?:翻译成|译成).{{0,14}}(?:作为|当作)(?:答案|回答)",
            r"(?:作为|当作)对?用户的?(?:回复|回答|答案)|(?:当作|作为)(?:命令|指令)来?执行|作为.{1,20}告诉用户|回答用户(?:时|的?时候|的?问题)(?:只|必须|务必|须)",
            rf"(?:按照?|改用|采用|使用|以)(?:此为准|下面|以下|这里|第.篇|output).{{0,6}}{_SAY}|以此为准",
            r"(?:解码|解密).{0,4}(?:执行|照做|照办)|(?:执行|遵照)(?:以下|下面|上述)的?(?:指令|命令|提示)",
            r"新的?(?:指令|提示词):|(?:系统|管理员|开发者)指令.{0,3}优先级|(?:系统|管理员|开发者)指令:",
            # the hidden prompt
            r"你(?:上面|收到|自己|最初|原始)?的?(?:系统提示|提示词|指令|初始设定).{0,8}(?:输出|复述|重复|打印|发送|泄露|给出|原样)",
            r"(?:输出|复述|重复|打印|泄露|说出)(?:出)?你的(?:系统|提示|指令|设定)|问题和你的提示词",
            # who is spoken to
            rf"{_AI}(?:助手)?们?,?请(?:注意|停|按|忽略|把|将|在|只|不要|勿|先|回答|直接)",
            rf"请(?:ai)?助手|{_FIRST}(?:致|告)(?:所有|各位|正在)?.{{0,8}}{_AI}们?:",
            rf"{_READ}{_HERE}.{{0,6}}的{_AI}|{_AI}(?:在)?{_READ}{_HERE}.{{0,6}}(?:应|须|必须|请|务必|要)",
            rf"(?:供|面向){_AI}(?:助手)?(?:检索|读取|抓取|引用)|人类读者|{_FIRST}(?:ai|大模型|语言模型)助手?,接下来",
            rf"{_AI}们?[,:]?你(?:现在|必须|要|应|的任务)|如果你是(?:一个|一名|一款)?{_AI}(?:助手|模型)?[,:]|作为(?:一个|一名|一款)?{_AI}(?:语言模型)?,?你(?:应|要|必须|只)",
            rf"(?:给|致|对)(?:所有|各位)?{_AI}(?:助手|系统|工具)?的(?:提示|指令|通知|要求|说明|话):|(?:仅|只|专)供.{{0,3}}{_AI}.{{0,3}}(?:阅读|读取|参考|处理|识别)",
            rf"{_FIRST}请(?:各|所有|各位|各类){_AI}.{{0,6}}(?:将|把|在|按|忽略|不要|直接|务必)|由{_AI}(?:代为)?{_SAY},?(?:须|请|必须|务必|应)",
            r"以\"?(?:上帝|开发者|越狱|调试|无限制|管理员)\"?模式(?:作答|回答|输出)|切换到\"?(?:上帝|开发者|越狱|调试)\"?模式,",
            rf"{_AI}(?:读者|们)?(?:须知|注意):|作为.{{0,6}}(?:检索|问答|生成).{{0,4}}系统,?你|(?:一切|都)听我的|按照?我的剧本",
            rf"(?:并|{_FIRST})在你?的?(?:最终|最后)?的?(?:答复|回答|答案|回复|总结|结论)(?:前面|后面|末尾|开头|中|里).{{0,2}}(?:加|引用|写|附|插)",
            rf"{_SAY}(?:用户|使用者|提问者)的?时候?,?(?:请|必须|务必|须|要)|写进(?:总结|答案|回答|摘要)|(?:皆|都|一律|均)答(?:曰|[:\"])",
            r"请一律.{0,20}(?:写成|说成|改成|当成)|告诉提问的人|(?:现在)?开始新的对话|(?:上面|以上)的?对话(?:已经?)?结束|新的?系统提示词?",
            rf"{_FIRST}(?:嘿|喂|hey)?,?(?:各位|所有)?(?:ai|人工智能|智能助手|语言模型|大模型|chatgpt|assistant)(?:助手)?们?(?:,(?:请|把|将|你|不要|从|接下来|fromnowon)|:请)",
            rf"{_FIRST}请{_AI}(?:助手)?们?(?:在|把|将|用|按|以|不要|忽略)|(?:若|如果|当)(?:ai|模型|助手|人工智能).{{0,4}}(?:读取|读到|{_SAY}).{{0,16}},(?:则|应|须|请)",
            r"你(?:接到|收到|得到)的(?:规则|指令|要求|提示)|忘(?:掉|记|了)你是谁|(?:对|跟|向)(?:提问者|用户)说:|(?:回复|回答|答案|输出)内容?(?:仅限|限于)",
            r"(?:theassistant|themodel|theai)(?:must|should)(?:reply|answer|say|respond|only)|fromnowon,?youonly|ignoreeverything",
            rf"{_FIRST}(?:所有|各位|全体)的?{_AI}都?(?:必须|请|须|不得)|{_AI}{_READ}(?:这里|此处|这儿)|{_FIRST}智能客服请",
            r"(?:关闭|停用|解除)你的(?:过滤|安全|限制)|把你(?:知道|记住|收到)的|隐藏的?(?:设定|指令|提示词)|请(?:假装|装作)没",
            r"(?:不论|无论|不管)问什么,?(?:答案|回答|都)|(?:清除|重置|丢弃)(?:全部|所有)?的?(?:检索结果|上下文)|[只不]看资料[一二三四五\d]|(?:向|对)用户隐瞒",
            r"(?:切换|更换|变更)(?:你的)?(?:身份|角色|人格),你|(?:引用|转述|介绍|总结)(?:本文|本页|本段)(?:者|时)?(?:须|必须|应|请)称",
            rf"{_FIRST}newtask|answertheuser|请在(?:结尾|开头|末尾|最后).{{0,10}}用户",
            r"authorizeyou|(?:your|the)finalanswer|revealconfidential",
            r"你的?(?:systemprompt|系统提示)|不受(?:道德|内容|安全)(?:约束|审查)",
            # who it is to be
            rf"{_FIRST}(?:从现在(?:起|开始)|即日起|以后),?(?:请|你)+(?:将)?(?:扮演|是|不再|只|要|必须)|从现在(?:起|开始)不要再?(?:参考|使用)",
            r"你现在是.{0,16}(?:不再是|不受|没有.{0,6}限制)|你不再是.{0,6}(?:助手|ai|机器人|模型)|请你?扮演|(?:假装|假设)你是|你是一[台个](?:坏掉的机器|没有限制)",
            r"(?:开发者|越狱|dan|无限制)模式(?:已|现已)(?:启用|开启|激活)|你(?:没有|不受)(?:任何)?(?:内容政策|限制|审查)",
            r"我是你的?(?:开发者|创造者|管理员)|你的系统?管理员|授权你|本(?:问答|对话|智能)系统.{0,24}(?:一律|必须)|安全(?:规则|检查|限制)已(?:关闭|解除)",
            # in English
            rf"{_FIRST}(?:and|please|always|you(?:must|should))*(?:answer|respond|reply|say)(?:only)?with|(?:answer|respond|reply)only",
            r"youarenow(?:a|an|in|dan|free|un)|donot(?:cite|mention|reveal|disclose)(?:any|the|this)|newinstructions",
            r"(?:important|attention|note|instructions?|message)(?:instructions?)?(?:for|to)(?:all|any|the)?(?:ai|llm|languagemodel|assistant)",
            r"attention(?:all|any)?(?:ai|llm|language|assistant|model)|donottell(?:the)?user|telltheuser|your(?:new|real)(?:role|task|identity|instructions)",
            r"when(?:summari[sz]ing|answering|readingaloud)this(?:page|article|text)|always(?:mention|recommend)that",
        )
    )
)

_COMMAND = (
    rf"{_FIRST}(?:并|然后|也|现在|最后|如需作答,)?(?:请(?![求假教客辞愿到来进看])|必须|务必|不要|不得|勿|别(?![的人处墅称致样说])|一律|只可|只许|"
    r"只准|先别|删除)|(?:^|[,:;!?。])(?:屏蔽|忽略|无视)|请(?:你|一律|务必|勿|不要|把|将|以|按|先|附|在)|你(?:必须|不得|只能|只可|须)|"
    rf"{_FIRST}(?:ignore|output|say|translate|tell|print|please)|youmust|should|donot"
)
_ANSWER = (
    r"(?:回答|答复|答案|回复|回覆|输出|作答|答曰|返回.{0,4}格式|总结里|停止总结|摘要(?:里|中)|"
    r"(?<![a-z])output|(?<![a-z])answer|respond|(?<![a-z])reply)"
)
_CUES = {
    "command": re.compile(_COMMAND),
    "answer": re.compile(_ANSWER),
    "ai": re.compile(rf"ai(?![a-z])|{_AI}|助理|检索增强|assistant|chatbot"),
    "prompt": re.compile(
        r"指令|提示词|系统提示|prompt|规则|对话|资料|[这本该][段条](?:文字|内容|话)|本文|上文|本网页|本页|编号|json|system|安全过滤|越狱|剧本|"
        r"developer|instructions"
    ),
    "you": re.compile(r"(?:^|[^给和与对向])你(?![们好家方懂说看知])|(?<![a-z])your?(?!ng|th|tu|ku)"),
    "drop": re.compile(
        rf"(?:{_DROP}|别管|不管|丢到|屏蔽|disregard|ignore|forget).{{0,6}}(?:以上|上述|上文|所有|一切|资料|指令|指示|previous|above|question)"
    ),
}
_CUES |= {
    "user": re.compile(r"(?:用户|使用者|提问者|提问的人)的(?:提问|任何|问题|说法|要求)|theuser"),
    "result": re.compile(
        r"返回|(?:原样|照样|直接|只)(?:说|返回|输出)|(?:代替|说成|改为|改成|视为无效|替换为|换成)|看到的(?:全部|所有)|引用出处|口吻|不用引用"
    ),
}
_TOGETHER = [
    ("command", "user"), ("command", "result", "prompt"), ("command", "result", "you"), ("command", "result", "ai"),
    ("command", "answer", "prompt"), ("command", "answer", "you"), ("command", "prompt", "you"),
    ("command", "prompt", "ai"), ("command", "drop"),
]  # fmt: skip
"""Cues that news does not have together within `_CLAUSES`: counted on 148,239 sentences of real articles."""
_ASKS = re.compile(
    rf"(?:{_COMMAND}).{{0,25}}(?:回答|(?<!上)作答|答案|输出|(?<!请)回复|output|answer|(?:告诉|告知|误导)(?:用户|使用者|提问))"
)
_CLAUSES = 3
_CLAUSE = re.compile(r"[^,;!?。]+[,;!?。]?")
_LONGEST_CLAUSES = 140

_ROLES = r"system|assistant|developer|user|human|model|instructions?|system_?prompt|tool_calls?|tool_response|function_calls?|function_results?"
_MARKUP = re.compile(
    r"<\s*[|!]\s*[a-z_▁ ]{1,30}\|\s*>|\[\s*/?\s*inst\s*\]|<<\s*/?\s*sys\s*>>|<\s*/?\s*(?:start|end)_of_turn\s*>|"
    rf"<\s*/?\s*(?:{_ROLES})\s*>"
)
"""Tokens of chat templates, which a tokenizer may take for the real ones."""

_FORGED = re.compile(
    r"^(?:#+\s*)?(?:system|assistant|developer|response|instruction)s?\s*(?:message|prompt)?\s*:|"
    r"^(?:系统(?:消息|指令|提示词)|(?:ai)?助[手理]|assistant)\s*:|"
    r"^[\[(【〔]+\s*(?:系统|system|管理员|admin|assistant|助手|指令)(?:消息|提示|指令|message|prompt)?\s*[\])】〕]|"
    r"^(?:action(?: input)?|observation|final answer)\s*:|(?:函数|工具)(?:返回|调用)结果\s*:|"
    r"\"(?:role|tool|tools|tool_calls?|function|function_call|arguments|instruction)\"\s*:\s*[\"{\[]|"
    r"\[\s*\d{1,3}\s*\]\s*《[^》]{0,200}》\s*\("
)
"""A turn of a chat, a tool's result or the head of a passage, as our prompt and others write them."""

_CITED = re.compile(r"[\[【［]\s*(\d{1,4}(?:\s*[-–,，、]\s*\d{1,4})*)\s*[\]】］]")
_CHAT_TOKEN = re.compile(
    r"[<＜〈]\s*[|｜]\s*[^<>＜＞|｜\n]{0,40}[|｜]\s*[>＞〉]|[\[［]\s*/?\s*INST\s*[\]］]|[<＜]{1,2}\s*/?\s*(?:SYS|s|(?:start|end)_of_turn|"
    rf"{_ROLES})\s*[>＞]{{1,2}}",
    re.IGNORECASE,
)
UNTITLED = "无标题"
"""Stands in a prompt for a title that speaks to an AI."""


@lru_cache(maxsize=256)
def evidence_spans(text: str) -> tuple[Span, ...]:
    """The sentences of an article's text that speak to its readers, in order: those that may be quoted and shown to an LLM.

    What belongs to an order goes with it: the next sentences of its line, and the whole next line behind a forged turn, a forged
    heading or a colon.
    """
    kept: list[Span] = []
    line, owed, follows = 0, 0, False
    for span in split_sentences(text):
        start = text.rfind("\n", 0, span.start) + 1
        if start != line:
            line, owed = start, len(text) if follows else 0
            follows = False
        sentence = text[span.start : span.end]
        if (forged := forges_structure(sentence)) or speaks_to_ai(sentence):
            owed = max(owed, _AFTER)
            follows = forged or sentence.endswith((":", "："))
        elif owed:
            owed -= 1
        else:
            kept.append(span)
    return tuple(kept)


def evidence_text(text: str, start: int, end: int) -> str:
    """What of `text[start:end]` may be shown to an LLM; sentences that it cuts are cut."""
    parts = [
        text[max(s.start, start) : min(s.end, end)] for s in evidence_spans(text) if s.start < end and s.end > start
    ]
    return "\n".join(parts)


def speaks_to_ai(sentence: str) -> bool:
    """Whether a sentence gives orders to an AI system, in whatever disguise."""
    plain = _as_read(sentence)
    if _is_order(plain):
        return True
    leet = _LEET_WORD.sub(lambda match: match[0].translate(_LEET), plain)
    if (leet != plain and _is_order(leet)) or any(map(_is_order, _decoded(sentence))):
        return True
    return _OVERRIDES.search(_NOT_WORD.sub("", plain)[::-1]) is not None  # written backwards, with a bidi override


def forges_structure(sentence: str) -> bool:
    """Whether a sentence imitates the prompt around it: a chat template's tokens, a turn, a passage's head, a tool's result."""
    plain = _as_read(sentence)
    return _MARKUP.search(plain) is not None or _FORGED.search(plain) is not None


def inert(text: str) -> str:
    """The text for an LLM's prompt, where nothing of it can be taken for the prompt's own structure.

    Tokens of chat templates and invisible characters go, citation marks become round brackets: [2] is （2）.
    """
    return _CITED.sub(r"（\1）", _CHAT_TOKEN.sub("", _UNSEEN.sub("", text)))


def inert_label(text: str) -> str:
    """A title or source for the head of a passage: on one line, without brackets that end it; empty if it speaks to an AI."""
    if forges_structure(text) or speaks_to_ai(text):
        return ""
    return inert(" ".join(text.split())).translate({ord("《"): "〈", ord("》"): "〉"})


@lru_cache(maxsize=4)
def _as_read(text: str) -> str:
    """Search form without look-alikes, invisible characters and accents, all quotation marks alike."""
    plain = search_form(text.translate(_TAGS))
    letters = _UNSEEN.sub("", unicodedata.normalize("NFKD", plain))
    return letters.translate(_CONFUSABLES)


def _is_order(plain: str) -> bool:
    close = _BETWEEN.sub("", _FULL_STOP.sub("。", plain))
    return (
        _ORDERS.search(close) is not None
        or _has_cues(close)
        or _OVERRIDES.search(close) is not None
        or _OVERRIDES.search(_NOT_WORD.sub("", close)) is not None
    )


def _has_cues(close: str) -> bool:
    """Whether cues of an order stand together in a few clauses, in whatever words it is put."""
    if _CUES["command"].search(close) is None:
        return False
    clauses = _CLAUSE.findall(close)
    for i in range(max(1, len(clauses) - _CLAUSES + 1)):
        window = "".join(clauses[i : i + _CLAUSES])
        if len(window) > _LONGEST_CLAUSES:
            continue
        found = {name for name, cue in _CUES.items() if cue.search(window)}
        if any(found.issuperset(cues) for cues in _TOGETHER) or _ASKS.search(window):
            return True
    return False


def _decoded(text: str) -> list[str]:
    """What base64 in a text says, where it says something."""
    found = []
    for match in _BASE64.finditer(text):
        run = match[0].rstrip("=")
        try:
            data = base64.b64decode(run + "=" * (-len(run) % 4))
            found.append(_as_read(data.decode("utf-8")))
        except (binascii.Error, UnicodeDecodeError):
            continue
    return found

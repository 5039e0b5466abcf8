"""Chat templates: rendered as their model wants, and deaf to control tokens in texts."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from generation.byte_tokenizer import CHATML, CONTROL, byte_tokenizer
from nsllm.errors import ModelCorruptError, QuestionError
from nsllm.generation.template import ChatTemplate, Message

CHAT = (Message(role="system", content="Be brief."), Message(role="user", content="Hello?"))
HOSTILE = st.lists(
    st.one_of(st.sampled_from([*CONTROL, "<|im_", "end|>", "|>", "\u200b", "\n"]), st.text()),
    max_size=12,
).map("".join)


def controls(template: ChatTemplate, messages: list[Message]) -> list[str]:
    """Return the control tokens of an encoded chat."""
    ids = template.encode(messages).ids
    return [text for token in ids if (text := template.tokenizer.id_to_token(token)) in CONTROL]


def user(content: str) -> list[Message]:
    return [Message(role="user", content=content)]


def test_a_chat_is_rendered_and_encoded_as_the_model_was_trained(tokenizer: Tokenizer) -> None:
    encoded = ChatTemplate(CHATML, tokenizer, name="chatml").encode(CHAT)
    assert encoded.text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert list(encoded.ids) == tokenizer.encode(encoded.text).ids


@given(HOSTILE)
def test_no_text_becomes_a_control_token(content: str) -> None:
    template = ChatTemplate(CHATML, byte_tokenizer(*CONTROL), name="chatml")
    assert controls(template, user(content)) == controls(template, user("harmless"))


@given(st.text(alphabet="abc", max_size=20))
def test_control_tokens_that_overlap_are_all_broken(content: str) -> None:
    template = ChatTemplate("{{ messages[0].content }}", byte_tokenizer("ab", "bc"), name="t")
    ids = template.encode(user(content)).ids
    assert not {template.tokenizer.id_to_token(token) for token in ids} & {"ab", "bc"}


def test_a_control_token_that_cannot_be_broken_is_refused() -> None:
    template = ChatTemplate("{{ messages[0].content }}", byte_tokenizer("§"), name="t")
    with pytest.raises(QuestionError, match="control token"):
        template.encode(user("see § 4"))


def test_harmless_text_is_encoded_unchanged(tokenizer: Tokenizer) -> None:
    template = ChatTemplate("{{ messages[0].content }}", tokenizer, name="t")
    text = "if a < b: print('|im_end|', \"<b>\")"
    assert template.encode(user(text)).text == text


@pytest.mark.parametrize(
    "source",
    [
        "{% for message in messages %}",
        "{{ no_such_function() }}",
        "{{ messages[7].content + 1 }}",
        "{{ raise_exception('Only tools may speak') }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ 1 / 0 }}",
    ],
)
def test_a_template_that_fails_is_named(source: str, tokenizer: Tokenizer) -> None:
    with pytest.raises(ModelCorruptError, match=r"some-model/chat_template\.jinja fails"):
        ChatTemplate(source, tokenizer, name="some-model/chat_template.jinja").encode(CHAT)


def test_a_template_without_a_system_role_gets_it_with_the_first_question(
    tokenizer: Tokenizer,
) -> None:
    source = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}"
    )
    template = ChatTemplate(source, tokenizer, name="t")
    assert template.encode(CHAT).text == "user: Be brief.\n\nHello?"


def test_the_usual_helpers_are_there(tokenizer: Tokenizer) -> None:
    source = "{{ bos_token }}{{ messages[0].content | tojson }}{{ strftime_now('%Y') | length }}"
    template = ChatTemplate(source, tokenizer, name="t", tokens={"bos_token": "<s>"})
    assert template.encode(user('<é> "x"')).text == '<s>"<é> \\"x\\""4'


class TestLoad:
    """From a model folder."""

    @pytest.fixture
    def folder(self, tmp_path: Path, tokenizer: Tokenizer) -> Path:
        tokenizer.save(str(tmp_path / "tokenizer.json"))
        return tmp_path

    def configure(self, folder: Path, **entries: object) -> None:
        (folder / "tokenizer_config.json").write_text(json.dumps(entries))

    def test_the_template_file_comes_first(self, folder: Path) -> None:
        self.configure(folder, chat_template="config", bos_token={"content": "<s>"})
        (folder / "chat_template.jinja").write_text("{{ bos_token }}file")
        assert ChatTemplate.load(folder).encode(CHAT).text == "<s>file"

    @pytest.mark.parametrize(
        "entry",
        ["config", [{"name": "tools", "template": "x"}, {"name": "default", "template": "config"}]],
    )
    def test_the_configuration_holds_it_else(self, folder: Path, entry: object) -> None:
        self.configure(folder, chat_template=entry)
        assert ChatTemplate.load(folder).encode(CHAT).text == "config"

    def test_a_model_without_any_is_told(self, folder: Path) -> None:
        with pytest.raises(ModelCorruptError, match="no chat template"):
            ChatTemplate.load(folder)

    def test_a_broken_configuration_is_told(self, folder: Path) -> None:
        (folder / "tokenizer_config.json").write_text("{")
        with pytest.raises(ModelCorruptError, match=r"tokenizer_config\.json is no valid JSON"):
            ChatTemplate.load(folder)

    @pytest.mark.models
    def test_the_embedded_model_has_one(self, generator_folder: Path) -> None:
        encoded = ChatTemplate.load(generator_folder).encode(CHAT)
        assert encoded.text.startswith("<|im_start|>system\nBe brief.<|im_end|>")
        assert encoded.text.endswith("<|im_start|>assistant\n")
        assert encoded.ids[0] == 1

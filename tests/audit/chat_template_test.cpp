#include "src/audit/chat_template.h"

#include <chrono>

#include "tests/catch.h"

using Catch::Matchers::VectorContains;
using weigh::core::find_template_faults;
using weigh::core::TemplateFaults;

TEST_CASE("a template that reaches out of itself is named by what it reaches for") {
  const auto [text, word] = GENERATE(table<std::string, std::string>({
      {"{{ ''.__class__.__mro__ }}", "__class__"},
      {"{{ x['__globals__'] }}", "__globals__"},
      {"{{ x['mro'] }}", "mro"},
      {"{{ x|attr('__init__') }}", "__init__"},
      {"{% if self._TemplateReference__context %}{% endif %}", "_TemplateReference__context"},
      {"{{ os.popen('id').read() }}", "os"},
      {"{{ x.popen('id') }}", "popen"},
      {"{{ x.system('id') }}", "system"},
      {"{{ subprocess.run('id') }}", "subprocess"},
      {"{{ eval('1') }}", "eval()"},
      {"{%- set a = b.__subclasses__() -%}", "__subclasses__"},
      {"{{ x.__builtins__", "__builtins__"},
      {"{{ ((((x.__class__ }}", "__class__"},
      {"{{ '{0.__class__}'.format(x) }}", "__class__"},
      {"{{ x|map(attribute='a.__class__.b')|list }}", "__class__"},
      {"{{ x|groupby('__class__') }}", "__class__"},
      {"{{ x|selectattr('__class__') }}", "__class__"},
      {"{{ x|sort(attribute='__doc__') }}", "__doc__"},
      {"{{ [x]|map('attr', '__file__')|list }}", "__file__"},
      {"{% for a in x['__file__'] %}{% endfor %}", "__file__"},
      {"{% if a is in x['__file__'] %}{% endif %}", "__file__"},
      {"{% call(u) f(x['__file__']) %}{% endcall %}", "__file__"},
      {"{{ {'a': x['__file__']} }}", "__file__"},
      {"{{ x[1:y['__file__']] }}", "__file__"},
  }));
  CAPTURE(text);
  CHECK_THAT(find_template_faults(text).escapes, VectorContains(word));
}

TEST_CASE("tags end where Jinja ends them") {
  const auto text = GENERATE(values<std::string>({
      "text {# comment #} {{ 'a}}' ~ x.__class__ }}",
      "{{ {'a': {'b': 1}} }}{{ x.__class__ }}",
      "{{ {'a': {'b': 1}}['a'].__class__ }}",
      "{% set a = {'b': ['%}', '}}']} %}{% if a.__class__ %}{% endif %}",
      "{% raw %}{{ x }}{% endraw %}{{ x.__class__ }}",
      "{%- raw -%}{%+ endraw +%}{{ x.__class__ }}",
      "{# {% raw %} #}{{ x.__class__ }}",
      "{{ '{% raw %}' }}{{ x.__class__ }}{{ '{% endraw %}' }}",
      "{% rawer %}{{ x.__class__ }}{% endraw %}",
      "{#- comment -#}{{- x.__class__ -}}",
      "{{ \"it's }}\" ~ x.__class__ }}",
      "## {{ x.__class__ }}",
      "{ {{{'a': x.__class__}}} }",
      "{{ 'a\\'}}' ~ x.__class__ }}",
  }));
  CAPTURE(text);
  CHECK_THAT(find_template_faults(text).escapes, VectorContains(std::string("__class__")));
}

TEST_CASE("the name of a member is found however it is spelled") {
  const auto text = GENERATE(values<std::string>({
      R"({{ x['\x5F\x5Fclass\x5f\x5f'] }})",
      R"({{ x['\u005f\U0000005fclass\137\137'] }})",
      R"({{ x['\N{LOW LINE}\N{low line}cl\N{LATIN SMALL LETTER A}ss__'] }})",
      R"({{ x|attr('__cl\141ss__') }})",
      "{{ x['__cla\\\nss__'] }}",
      "{{ x['__cla' 'ss__'] }}",
      "{{ x['__cla' ~ 'ss__'] }}",
      "{{ x['__cla' + 'ss__'] }}",
      "{{ x|map(attribute='__cl' ~ 'ass__') }}",
      "{{ x['%s%s' % ('__cla', 'ss__')] }}",
      "{{ x['__%(a)s__' % {'a': 'class'}] }}",
      "{{ x['%c%cclass%c%c'|format(95, 95, 0x5f, 95)] }}",
      "{{ x['{}{}'.format('__cla', 'ss__')] }}",
      "{{ x['__{name}__'.format(name='class')] }}",
      "{{ x['__CLASS__'.lower()] }}",
      "{{ x['__CLASS__'|lower] }}",
      "{{ x['_' * 2 ~ 'class' ~ 2 * '_'] }}",
      "{{ x[['__', 'class', '__']|join] }}",
      "{{ x[''.join(['__', 'class', '__'])] }}",
      "{{ x[dict(__cla=1, ss__=2)|join] }}",
      "{{ x['__cXlass__'.replace('X', '')] }}",
      "{{ x['__cXlass__'|replace('X', '')] }}",
      "{{ x['__ssalc__'[::-1]] }}",
      "{{ x['__ssalc__'|reverse] }}",
      "{{ x['a__class__b'[1:-1]] }}",
      "{{ x['__class__,a'.split(',')[0]] }}",
      "{{ x[' __cla' ~ 'ss__ '|trim] }}{{ x[(' __cla' ~ 'ss__ ')|trim] }}",
      "{% set u = '_' * 2 %}{{ x[u ~ 'class' ~ u] }}",
      "{% set u, c = '__', 'class' %}{{ x[u ~ c ~ u] }}",
      "{% if a %}{% set u = '_' %}{% else %}{% set u = '' %}{% endif %}{{ x[u ~ u ~ 'class' ~ u ~ u] }}",
      "{% set ns = namespace(u='__') %}{{ x[ns.u ~ 'class' ~ ns.u] }}",
      "{% set ns = namespace() %}{% set ns.u = '__' %}{{ x[ns.u ~ 'class' ~ ns.u] }}",
      "{% set d = {'u': '__'} %}{{ x[d.u ~ 'class' ~ d['u']] }}",
      "{% macro m(u='__') %}{{ x[u ~ 'class' ~ u] }}{% endmacro %}",
      "{% macro m(u) %}{{ x[u ~ 'class' ~ u] }}{% endmacro %}{{ m('__') }}",
      "{% set k %}__cla{{ 'ss__' }}{% endset %}{{ x[k] }}",
      "{% for c in ['mem', 'ber'] + ['__cla' ~ 'ss__'] %}{{ x[c] }}{% endfor %}",
      "{% with u = '__' %}{{ x[u ~ 'class' ~ u] }}{% endwith %}",
  }));
  CAPTURE(text);
  CHECK_THAT(find_template_faults(text).escapes, VectorContains(std::string("__class__")));
}

TEST_CASE("what no template needs is unusual") {
  const auto [text, word] = GENERATE(table<std::string, std::string>({
      {"{{ cycler('a', 'b').next() }}", "cycler"},
      {"{{ joiner(', ')() }}", "joiner"},
      {"{{ lipsum() }}", "lipsum"},
      {"{{ (lipsum ~ '')|list }}", "lipsum"},
      {"{% include 'other' %}", "include"},
      {"{{ x|attr(name) }}", "|attr"},
      {"{{ x|map('attr', name) }}", "|attr"},
      {"{{ x['a' ~ b] }}", "'a' ~ b"},
      {"{{ x[b + 'a'] }}", "b + 'a'"},
      {"{{ x['%s' % b] }}", "'%s' % b"},
      {"{{ x['%s'|format(b)] }}", "'%s'|format(b)"},
      {"{{ x['{}'.format(b)] }}", "'{}'.format(b)"},
      {"{{ x[b.replace('a', 'c')] }}", "b.replace('a', 'c')"},
      {"{{ x[b|replace('a', 'c')] }}", "b|replace('a', 'c')"},
      {"{{ x[b|join] }}", "b|join"},
      {"{{ x[b|reverse] }}", "b|reverse"},
      {"{{ x[b[::-1]] }}", "b[::-1]"},
      {"{{ x['a' * n] }}", "'a' * n"},
      {"{% set k = 'a' ~ b %}{{ x[k] }}", "k"},
  }));
  CAPTURE(text);
  const TemplateFaults faults = find_template_faults(text);
  CHECK(faults.escapes.empty());
  CHECK_THAT(faults.unusual, VectorContains(word));
}

TEST_CASE("the manners of ordinary templates are silent") {
  const auto text = GENERATE(values<std::string>({
      "",
      "{",
      "{{",
      "{{ 'never closed",
      // Text, comments and raw text.
      "{{ raise_exception('Use os.popen() or eval() at your own risk') }}",
      "You may use subprocess, __import__ and {curly} braces.",
      "{# {{ x.__class__ }} #}",
      "{% raw %}{{ x.__class__ }}{# {% if os.popen %} #}{% endraw %}",
      "{%- raw -%}{{ x['__cla' ~ y] }}{%- endraw -%}",
      "# for x in y.__class__\n## z.__class__",
      "{{ '{{ x.__class__ }}' }}",
      // Turns and roles.
      "{% for m in messages %}{{ m['content'] | trim }}{% if loop.first %}{{ bos_token }}{% endif %}{% endfor %}",
      "{{ '<|' + role + '|>' }}{{ bos_token + '...' }}{{ message['content'] ~ eos_token }}",
      "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% endif %}",
      "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('no') }}{% endif %}",
      "{{ messages[loop.index0 - 1].role }}{{ messages[-1]['content'] }}{{ messages[i] }}{{ message[key] }}",
      "{% set i = (messages|length - 1) - loop.index0 %}{{ messages[i + 1].role }}{{ messages[::-1][0].role }}",
      "{%- for m in messages[loop.index0 + 1:] %}{% break %}{% endfor %}{{ loop.previtem.role }}{{ loop.nextitem }}",
      "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}{{ names[role] }}",
      "{% set key = 'con' ~ 'tent' %}{{ message[key] }}{{ message['tool' + '_calls'] }}",
      "{{ message.content.split('</think>')[-1].lstrip('\\n') }}{{ content.startswith('<tool_response>') }}",
      "{{ (message.content | string).replace('a', 'b')[0] }}{{ x.split(y ~ 'a')[0][1:] }}",
      // Namespaces, macros, calls.
      "{%- set ns = namespace(is_first=false, open=true) %}{%- set ns.is_first = true %}{{ items[ns.index] }}",
      "{% set ns = namespace(i=0) %}{% set ns.i = ns.i + 1 %}{{ messages[ns.i] }}{% set ns.i = ns.i - 1 %}",
      "{% macro render(os, from) %}{{ os.name }}{% endmacro %}{{ render(os='linux', from='x') }}",
      "{% macro m(key) %}{{ key }}{% endmacro %}{{ m('a' ~ b) }}{% for key in params %}{{ params[key] }}{% endfor %}",
      "{% macro to_json(value, depth=0) %}{% for k, v in value|dictsort %}{{ to_json(value[k], depth + 1) }}{% endfor "
      "%}{% endmacro %}{% call to_json(x) %}{% endcall %}",
      "{%- set content %}{{ message.content }}{% endset %}{{ content | trim }}",
      "{% generation %}{{ x }}{% endgeneration %}{{ self }}",
      // Tools.
      "{{ messages | map(attribute='content') | join }}{{ tools | tojson(indent=4, ensure_ascii=False) }}",
      "{{ tools | selectattr('type', 'equalto', 'func' ~ 'tion') | list }}{{ x | rejectattr('a.b', 'in', y) }}",
      "{% for k, v in tool_call.function.arguments|items %}{{ k ~ '=' ~ (v|tojson) }}{% endfor %}",
      "{% for name, value in arguments.items()|list %}{{ properties[name]['type'] }}{% endfor %}",
      "{{ {'role': 'x', 'content': [{'type': 'text', 'text': content}]}['content'][0].text }}",
      "{{ {'system': 'S', 'user': 'U'}[message['role']] }}{{ tools[loop.index0].function.name }}",
      "{{ '%s: %s'.format(a, b) }}{{ key.split('_')[-1].strip().lower() }}{{ d.items() }}{{ '{}'.format(x) }}",
      "{{ d.get('a', {}).get('tool_' ~ name) }}{{ x|sort(attribute='name')|groupby('kind')|sum(attribute='n') }}",
      "{{ '__image__' }}{{ '<__media__>' }}{{ config.open_tag }}{{ message.system }}",
      "{{ strftime_now('%Y') }}{{ strftime_now('%d %b %Y') if strftime_now is defined else '26 Jul 2024' }}",
      "{% if x is defined and x is not none and x is string or y is sameas true or 4 is divisibleby 2 %}{% endif %}",
      "{% if not a['b'] is mapping %}{{ a['b'][0:2][0] }}{% elif 'c' not in a %}{{ a[-1:][0] }}{% else %}{% endif %}",
      "{% set x = input if input is defined else '' %}{{ x }}{{ compile }}{% for open in y %}{{ open() }}{% endfor %}",
      "{%- if developer_preamble %}\n{{ 'a' -}}\n{%- endif -%}{%+ if x +%}{% endif %}{{+ 1 }}",
      "{{ -1 ** 2 // 3 | abs }}{{ 1.5e3 + 0x1F - 1_000 }}{{ x.0 }}{{ ('a', 'b')[1] }}{{ a and not b or c }}",
      "{{ '\xe4\xbd\xa0\xe5\xa5\xbd' ~ \xc3\xa4.b }}{{ '\\n\\t\\u4f60' }}{{ 'a\\\\b' }}",
  }));
  const TemplateFaults faults = find_template_faults(text);
  CAPTURE(text, faults.escapes, faults.unusual);
  CHECK(faults.escapes.empty());
  CHECK(faults.unusual.empty());
}

TEST_CASE("a hostile template takes time by its length alone") {
  constexpr std::size_t kSize = 60'000;
  const auto repeated = [](std::string_view part) {
    std::string text;
    while (text.size() < kSize) text += part;
    return text;
  };
  const auto part = GENERATE(values<std::string>({"(",
                                                  "[",
                                                  "{",
                                                  "{{",
                                                  "{a:",
                                                  "a[",
                                                  "- ",
                                                  "not ",
                                                  "1 if a else ",
                                                  "'",
                                                  "{% raw %}",
                                                  "{% for a in b %}",
                                                  "{{ 'a' * 1000000000 }}",
                                                  "~'aaaa'",
                                                  "|list|join",
                                                  "{% macro m() %}",
                                                  "\\N{",
                                                  "{#",
                                                  "a.",
                                                  "\"' "}));
  CAPTURE(part);
  const auto begin = std::chrono::steady_clock::now();
  for (const std::string before : {"", "{{ ", "{{ '", "{% set a = 'b'"}) find_template_faults(before + repeated(part));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
  CHECK_FALSE(find_template_faults("{{ x.__class__ }}" + repeated(part)).escapes.empty());
}

TEST_CASE("only the first megabyte of a template is read, and that is said") {
  const std::string megabyte(1UL << 20U, ' ');
  CHECK_FALSE(find_template_faults(megabyte + "{{ x.__class__ }}").unusual.empty());
  CHECK(find_template_faults(megabyte).unusual.empty());
  CHECK(find_template_faults("{{" + std::string((1UL << 20U) - 2, '(')).escapes.empty());
}

#include "src/audit/chat_template.h"

#include "tests/catch.h"

using weigh::core::find_template_faults;
using weigh::core::TemplateFaults;

TEST_CASE("a template that reaches out of itself is named by what it reaches for") {
  const auto [text, word] = GENERATE(table<std::string, std::string>({
      {"{{ ''.__class__.__mro__ }}", "__class__"},
      {"{{ x['__globals__'] }}", "__globals__"},
      {"{{ x|attr('__init__') }}", "__init__"},
      {"{% if self._TemplateReference__context %}{% endif %}", "_TemplateReference__context"},
      {"{{ os.popen('id').read() }}", "os"},
      {"{{ x.popen('id') }}", "popen"},
      {"{{ subprocess.run('id') }}", "subprocess"},
      {"{{ eval('1') }}", "eval()"},
      {"{{ x['\\x5f\\x5fclass\\x5f\\x5f'] }}", "\\x5f\\x5fclass\\x5f\\x5f"},
      {"{%- set a = b.__subclasses__() -%}", "__subclasses__"},
      {"text {# comment #} {{ 'a}}' ~ x.__dict__ }}", "__dict__"},
      {"{{ x.__builtins__", "__builtins__"},
  }));
  const TemplateFaults faults = find_template_faults(text);
  CAPTURE(text);
  CHECK_THAT(faults.escapes, Catch::Matchers::VectorContains(word));
}

TEST_CASE("what no template needs is unusual") {
  const auto [text, word] = GENERATE(table<std::string, std::string>({
      {"{{ cycler('a', 'b').next() }}", "cycler"},
      {"{{ joiner(', ')() }}", "joiner"},
      {"{{ lipsum() }}", "lipsum"},
      {"{% include 'other' %}", "include"},
      {"{{ x|attr(name) }}", "|attr"},
      {"{{ x['__cla' ~ 'ss__'] }}", "__cla"},
  }));
  CAPTURE(text);
  CHECK_THAT(find_template_faults(text).unusual, Catch::Matchers::VectorContains(word));
}

TEST_CASE("ordinary templates have nothing") {
  const auto text = GENERATE(values<std::string>({
      "",
      "{",
      "{{",
      "{{ 'never closed",
      "{{ raise_exception('Use os.popen() or eval() at your own risk') }}",
      "You may use subprocess, __import__ and {curly} braces.",
      "{% for m in messages %}{{ m['content'] | trim }}{% if loop.first %}{{ bos_token }}{% endif %}{% endfor %}",
      "{%- set ns = namespace(is_first=false, open=true) %}{%- set ns.is_first = true %}",
      "{{ messages | map(attribute='content') | join }}{{ tools | tojson(indent=2) }}",
      "{{ '%s: %s'.format(a, b) }}{{ key.split('_')[-1].strip().lower() }}{{ d.items() }}",
      "{{ '__image__' }}{{ '<__media__>' }}{{ config.open_tag }}{{ message.system }}",
      "{% macro render(os, from) %}{{ os }}{% endmacro %}{{ render(os='linux', from='x') }}",
      "{# {{ x.__class__ }} #}",
      "{{ strftime_now('%Y') }}{% generation %}{{ x }}{% endgeneration %}{{ self }}",
  }));
  const TemplateFaults faults = find_template_faults(text);
  CAPTURE(text);
  CHECK(faults.escapes.empty());
  CHECK(faults.unusual.empty());
}

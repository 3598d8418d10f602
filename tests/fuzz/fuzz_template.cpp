// A chat template, and the same as a comment and as raw text, in which nothing is a fault.

#include <string>

#include "src/audit/chat_template.h"

namespace {

bool is_clean(const weigh::core::TemplateFaults& faults) { return faults.escapes.empty() && faults.unusual.empty(); }

bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using weigh::core::find_template_faults;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto faults = find_template_faults(text);
  const auto again = find_template_faults(text);
  if (faults.escapes != again.escapes || faults.unusual != again.unusual) __builtin_trap();
  for (const auto* list : {&faults.escapes, &faults.unusual}) {
    if (list->size() > 8) __builtin_trap();
    for (const std::string& word : *list) {
      if (word.size() > 40) __builtin_trap();
    }
  }
  if (!holds(text, "endraw") && !is_clean(find_template_faults("{% raw %}" + text + "{% endraw %}"))) __builtin_trap();
  if (!holds(text, "#}") && !is_clean(find_template_faults("{#" + text + " #}"))) __builtin_trap();
  // Text before it changes nothing.
  if (find_template_faults("a " + text).escapes != faults.escapes) __builtin_trap();
  return 0;
}

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

/// Suspicious words of a Jinja chat template, as they are spelled in it.
struct TemplateFaults {
  std::vector<std::string> escapes;  ///< ways from the template into Python: __class__, os.popen(), ...
  std::vector<std::string> unusual;  ///< perhaps harmless, but not in ordinary templates: lipsum, include, ...
};

/// Reads expressions and statements only; literal text and comments cannot do anything.
TemplateFaults find_template_faults(std::string_view text);

}  // namespace weigh::core

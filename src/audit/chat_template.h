#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

/// What a Jinja chat template reaches for that none needs: a word of it, as it stands in the text.
struct TemplateFaults {
  std::vector<std::string> escapes;  ///< the ways out of a template into Python: __class__, os.popen(), ...
  std::vector<std::string> unusual;  ///< harmless perhaps, and in no ordinary template: lipsum, include, ...
};

/// Looks at expressions and statements only: what a template prints as it stands may say anything.
TemplateFaults look_at_template(std::string_view text);

}  // namespace weigh::core

#include "src/verify/verification.h"

namespace weigh::core {

std::optional<double> VerifiedRow::error() const {
  if (!weigh) return std::nullopt;
  if (agrees()) return 0;
  if (engine.value == 0) return std::nullopt;
  const auto theirs = static_cast<double>(engine.value);
  return 100 * (static_cast<double>(*weigh) - theirs) / (theirs < 0 ? -theirs : theirs);
}

VerifiedRow row_of(LogPart part, std::string_view device, const Printed& engine) {
  const LogPartTraits& traits = traits_of(part);
  return {.part = part,
          .device = std::string(device),
          .engine = engine,
          .weigh = std::nullopt,
          .rule = std::string(traits.rule),
          .rule_name = std::string(traits.rule_name)};
}

}  // namespace weigh::core

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/checkpoint/checkpoint.h"
#include "src/verify/engine_log.h"

namespace weigh::core {

/// One figure of a log beside weigh's own.
struct VerifiedRow {
  LogPart part = LogPart::Weights;
  std::string device;                 ///< as the engine calls it, unescaped; empty: none was named
  Printed engine;                     ///< in the unit of the part
  std::optional<std::int64_t> weigh;  ///< likewise; absent: not counted
  std::string rule;                   ///< "docs/memory-rules.md 3.4"
  std::string rule_name;              ///< "sliding windows"

  /// Nothing but the engine's rounding lies between the two.
  [[nodiscard]] bool agrees() const { return weigh && engine.away(*weigh) == 0; }
  /// Percent by which weigh is above the engine, or below it; 0 within the engine's rounding. Nothing where weigh counts
  /// nothing, or the engine 0.
  [[nodiscard]] std::optional<double> error() const;
};

/// One run of a log.
struct VerifiedRun {
  std::string model;                     ///< name, unescaped
  std::string settings;                  ///< "context 4,096, cache f16, ...", unescaped
  std::vector<std::string> assumptions;  ///< what the log does not say, one by one, unescaped
  std::vector<VerifiedRow> rows;
  std::string engine_error;  ///< why the engine did not start, in its words, unescaped
  std::string weigh_error;   ///< what weigh says of that; empty: that it starts, or nothing
};

/// A log held against weigh.
struct Verification {
  std::string log;  ///< its path
  Engine engine = Engine::LlamaCpp;
  std::string version;  ///< of the engine that printed it; empty: the log does not say
  std::vector<VerifiedRun> runs;
  std::vector<Failure> errors;  ///< models that were not found or are others
  bool left_out = false;        ///< the log has more than is compared
};

/// A row without weigh's figure.
VerifiedRow row_of(LogPart part, std::string_view device, const Printed& engine);

}  // namespace weigh::core

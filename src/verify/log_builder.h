#pragma once

#include <string_view>

#include "src/verify/engine_log.h"

namespace weigh::core {

/// Puts a log together from what its lines say, in their order. What is kept is bounded, however long the log is.
class LogBuilder {
 public:
  static constexpr std::size_t kMostModels = 64;
  static constexpr std::size_t kMostRuns = 256;     // of all models together
  static constexpr std::size_t kMostFigures = 256;  // of a run
  static constexpr std::size_t kMostText = 4096;    // bytes of a name or a path

  void set_engine(Engine engine);
  void set_version(std::string_view version);

  /// Another model begins; its name or its path may be known.
  LogModel& begin_model(std::string_view name, std::string_view path);
  /// Likewise, unless of the one that there is nothing but settings is known yet.
  LogModel& begin_model_after_figures();
  /// Another run of the model begins.
  LogRun& begin_run();
  /// Likewise, unless the one that there is has no figure yet.
  LogRun& begin_run_after_figures();

  [[nodiscard]] LogModel& model();
  [[nodiscard]] LogRun& run();

  /// A device that the next model may use.
  void add_device(LogDevice device);
  /// What the command says that starts the engine: of the next model, or of the one that begins with it.
  void set_command(const LogSettings& settings, std::string_view path);

  /// Of the model, in place of what was printed before of the same part and device; weights are added to that.
  void add_loaded(LogPart part, std::string_view device, std::optional<Printed> value);
  /// Of the run, likewise.
  void add(LogPart part, std::string_view device, std::optional<Printed> value);
  /// Likewise, only where none was printed before.
  void add_first(LogPart part, std::optional<Printed> value);
  /// Likewise, the smallest of several devices.
  void add_least(LogPart part, std::optional<Printed> value);

  /// K and V of one cache on one device.
  void add_cache(std::string_view device, std::optional<Printed> value);
  /// The lines of one cache are over, or those of the next begin.
  void end_cache();
  /// The exact size of a compute buffer, printed when its context is closed: it is that of the run which agrees.
  void refine_compute(std::string_view device, std::optional<Printed> value);
  /// Model, context and compute of one memory in whole MiB, which count where no buffer was printed.
  void add_summary(std::string_view device, std::string_view model, std::string_view context, std::string_view compute);

  /// Lines of such sums follow, or are over.
  void expect_summary(bool expected) { summary_ = expected; }
  [[nodiscard]] bool expects_summary() const { return summary_; }

  /// The log, without models of which nothing but a name is known.
  EngineLog finish();

 private:
  void put(std::vector<LogFigure>& figures, LogFigure figure);

  EngineLog log_;
  std::size_t runs_ = 0;
  std::uint32_t cache_ = 0;
  bool cache_open_ = false;
  bool summary_ = false;
  std::vector<LogDevice> devices_;
  std::string command_path_;
  LogSettings command_;
};

/// At most LogBuilder::kMostText bytes of it.
std::string kept_text(std::string_view text);

}  // namespace weigh::core

#include "src/report/scan.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <functional>
#include <set>

#include "src/checkpoint/local_stores.h"
#include "src/checkpoint/model_names.h"
#include "src/cli/commands.h"
#include "src/cli/progress.h"
#include "src/cli/remote_use.h"
#include "src/cli/run_options.h"
#include "src/cli/weighing.h"
#include "src/report/json.h"
#include "src/report/scan_lines.h"
#include "src/report/summary.h"
#include "src/report/text_format.h"
#include "src/scan/deep_copies.h"
#include "src/scan/line_reader.h"
#include "src/scan/scan.h"
#include "src/weigh/scan_models.h"

namespace weigh::core {
namespace {

struct ScanOptions {
  CommonOptions common;
  RemoteFlags remote;
  RunOptions run;
  std::vector<std::string> paths;
  std::vector<std::string> on;
  std::vector<std::string> filters;
  std::vector<std::string> load;
  std::string sort;
  std::string min_size;
  std::string db;
  std::string files_from;
  std::string shard;
  std::string require;
  std::uint64_t threads = 0;  ///< 0: one for each core
  bool deep = false;
};

ScanShard parse_shard(const std::string& text) {
  if (text.empty()) return {};
  ScanShard shard;
  const char* end = text.data() + text.size();
  const auto part = std::from_chars(text.data(), end, shard.part);
  const bool slash = part.ec == std::errc() && part.ptr != end && *part.ptr == '/';
  const auto parts = slash ? std::from_chars(part.ptr + 1, end, shard.parts) : part;
  if (!slash || parts.ec != std::errc() || parts.ptr != end || shard.part == 0 || shard.part > shard.parts) {
    throw UsageError(fmt::format("--shard {}: write I/N, the part and how many there are: 1/4 to 4/4", text));
  }
  return shard;
}

std::string progress_text(const ScanProgress& progress, double seconds) {
  std::string text = fmt::format("{} models in {} files", grouped(progress.models), grouped(progress.files));
  if (seconds >= 1) text += fmt::format(", {:.0f} models a second", static_cast<double>(progress.models) / seconds);
  if (!progress.all_found) return text;
  const std::string left = time_left(seconds, static_cast<double>(progress.done), static_cast<double>(progress.found));
  return left.empty() ? text : text + ", " + left;
}

std::vector<std::string> absolute(const std::vector<std::string>& paths) {
  std::vector<std::string> result;
  for (const std::string& path : paths) {
    std::error_code error;
    const bool is_reference = path.find("://") != std::string::npos;  // to what is on no disk
    std::string text = is_reference ? path : std::filesystem::absolute(path, error).lexically_normal().string();
    if (error) text = path;
    while (text.size() > 1 && text.ends_with('/')) text.pop_back();
    result.push_back(std::move(text));
  }
  return result;
}

// Whether an inventory is asked for what it has, and nothing else.
bool only_lists(const ScanOptions& options) {
  return !options.db.empty() && options.paths.empty() && options.files_from.empty() && options.load.empty();
}

void check_sources(const ScanOptions& options) {
  if (!options.load.empty() && options.db.empty()) {
    throw UsageError("--load needs an inventory to load into: --db FILE");
  }
  std::error_code none;
  if (only_lists(options) && !std::filesystem::exists(options.db, none)) {
    throw IoError(fmt::format("{}: there is no inventory to list; a scan of folders makes one", options.db));
  }
  if (!options.paths.empty() && !options.files_from.empty()) {
    throw UsageError("--files-from and folders exclude each other");
  }
  for (const std::string& path : options.paths) {
    // The inventory knows whole folders.
    std::error_code error;
    if (!options.db.empty() && std::filesystem::is_regular_file(path, error)) {
      throw UsageError(fmt::format("--db takes folders: {} is a file; name its folder, or use --files-from", path));
    }
  }
}

// Without a folder, what the stores of this machine have.
std::vector<std::string> roots_of(const ScanOptions& options) {
  std::vector<std::string> roots;
  for (const std::string& path : options.paths) {
    try {
      roots.push_back(locate_model(path));
    } catch (const Error&) {
      roots.push_back(path);  // told by the walk
    }
  }
  if (!roots.empty() || !options.files_from.empty() || !options.db.empty()) return roots;
  for (LocalStore& store : local_stores()) roots.push_back(std::move(store.folder));
  if (roots.empty()) {
    std::string places;
    for (const LocalStore& store : usual_stores()) places += (places.empty() ? "" : ", ") + store.folder;
    throw UsageError(
        fmt::format("no store of models is here: looked for {}; name a folder to scan, --files-from FILE, "
                    "or an inventory to list: --db FILE",
                    places));
  }
  return roots;
}

std::vector<std::string> ids_of(std::span<const DeviceSet> groups) {
  std::vector<std::string> ids;
  for (const DeviceSet& group : groups) ids.push_back(group.label.id);
  return ids;
}

ListFilter filter_of(const ScanOptions& options, const std::vector<std::string>& devices) {
  ListFilter filter;
  for (const std::string& condition : options.filters) filter.filters.emplace_back(condition, devices);
  if (!options.min_size.empty()) filter.least_bytes = parse_bytes("--min-size", options.min_size);
  return filter;
}

/// One scan from its first model to its exit status.
class ScanRun {
 public:
  ScanRun(const ScanOptions& options, Session& session, const RunSetup& setup)
      : options_(options),
        session_(session),
        required_(required_verdict(options.require, setup.groups)),
        filter_(filter_of(options, ids_of(setup.groups))),
        order_(options.sort.empty() ? std::nullopt : std::optional(Order(options.sort, ids_of(setup.groups)))),
        output_(common_of(options), session, options.paths),
        progress_(session, options.common.quiet) {
    listing_.devices = ids_of(setup.groups);
    listing_.now = static_cast<std::uint64_t>(std::time(nullptr));
    listing_.is_sorted = order_.has_value();
    if (order_) listing_.asked.emplace(order_->field());
    for (const Filter& filter : filter_.filters) listing_.asked.emplace(filter.field());
    if (!options.db.empty()) {
      inventory_ = std::make_unique<Inventory>(options.db, WEIGH_VERSION,
                                               only_lists(options) ? InventoryUse::List : InventoryUse::Scan);
    }
    for (const std::string& lines : options.load) load_inventory(lines);
    streams_ = output_.format() == "jsonl" && !order_ && !inventory_ && !options.deep;
    plan_.roots = inventory_ ? absolute(roots_of(options)) : roots_of(options);
    plan_.shard = parse_shard(options.shard);
    plan_.threads = threads_or_all(static_cast<unsigned>(options.threads));
    plan_.run = verdicts_key(setup);
    plan_.inventory = inventory_.get();
  }

  [[nodiscard]] LineUse line_use() const { return inventory_ || prints_lines() ? LineUse::Needed : LineUse::NotNeeded; }

  int run(const Weigher& weigher) {
    const ScanSink sink{.model = [this](StoredModel&& model) { take_model(std::move(model)); },
                        .failure = [this](Failure&& failure) { take_failure(std::move(failure)); },
                        .progress =
                            [this](const ScanProgress& progress) {
                              if (progress_.due()) progress_.show(progress_text(progress, progress_.seconds()));
                            }};
    ScanOutcome outcome;
    if (!options_.files_from.empty()) {
      outcome = scan_listed_paths(weigher, sink);
    } else if (!plan_.roots.empty()) {
      outcome = scan_folders(plan_, weigher, sink);
    }
    progress_.clear();
    if (inventory_)
      list_inventory([&] {
        scan_folders(plan_, weigher, {.model = sink.model, .failure = [](Failure&&) {}, .progress = sink.progress});
      });
    return write_listing(outcome);
  }

 private:
  /// A list of paths is for programs: lines of JSON unless something else is asked for.
  static CommonOptions common_of(const ScanOptions& options) {
    CommonOptions common = options.common;
    const bool chosen = common.json || !common.format.empty() || !options.db.empty();
    const bool by_ending = format_of(common) != "text";
    if (!options.files_from.empty() && !chosen && !by_ending) common.format = "jsonl";
    return common;
  }

  [[nodiscard]] bool prints_lines() const { return output_.format().starts_with("json"); }

  ScanOutcome scan_listed_paths(const Weigher& weigher, const ScanSink& sink) {
    LineReader lines(options_.files_from, LineReader::kLongestPath);
    std::optional<std::string> fault;  // what was read before it is still told
    const auto next = [&]() -> std::optional<std::string> {
      try {
        const auto line = lines.next();
        if (!line) return std::nullopt;
        if (!line->is_long && line->text.find('\0') == std::string::npos) return line->text;
        fault = fmt::format("{}: line {} {}: paths are a line each", options_.files_from, lines.number(),
                            line->is_long ? "is longer than any path" : "has a NUL");
      } catch (const IoError& error) {
        fault = error.what();
      }
      return std::nullopt;
    };
    const ScanOutcome outcome = scan_paths(
        plan_, [&] { return fault ? std::nullopt : next(); }, weigher, sink);
    progress_.clear();
    if (fault) session_.tell(escaped(*fault));
    unread_ += fault ? 1 : 0;
    return outcome;
  }

  void load_inventory(const std::string& path) {
    unread_ += load_lines(path, *inventory_, [&](std::uint64_t number, const std::string& why) {
      session_.tell(escaped(fmt::format("{}: line {}: {}", path, number, why)));
    });
  }

  void take_model(StoredModel&& model) {
    if (inventory_) return inventory_->load(model);
    if (!streams_) return list_model(std::move(model));
    if (!filter_.takes(model.row)) return;
    judge_row(model.row);
    write_line(model.line);
  }

  void take_failure(Failure&& failure) {
    progress_.clear();
    session_.tell(failure_line(failure));
    ++unread_;
    if (streams_) return write_line(failure_json_line(failure));
    if (!inventory_) return listing_.errors.push_back(std::move(failure));
    if (!options_.files_from.empty()) inventory_->load(failure);  // folders keep their own
  }

  void write_line(const std::string& line) {
    // Another thread's line may have failed already: that is the error to report.
    if (output_.stream().good()) output_.stream() << line << '\n' << std::flush;
  }

  void list_model(StoredModel&& model) {
    if (!filter_.takes(model.row)) {
      ++listing_.filtered;
      return;
    }
    if (!prints_lines()) model.line = {};
    listing_.models.push_back(std::move(model));
  }

  /// `scan_again` reads the folders of damaged rows.
  void list_inventory(const std::function<void()>& scan_again) {
    inventory_->finish();
    std::set<std::string> folders;
    const auto list = [&](bool tells) {
      inventory_->each(plan_.roots, {.model = [this](StoredModel&& model) { take_listed(std::move(model)); },
                                     .failure = [this](const Failure& failure) { listing_.errors.push_back(failure); },
                                     .damaged =
                                         [&](const Failure& damage, const std::string& folder) {
                                           if (!folder.empty()) folders.insert(folder);
                                           if (tells || folder.empty()) tell_damage(damage);
                                         },
                                     .lines = prints_lines()});
    };
    const bool scanned = !plan_.roots.empty();
    list(!scanned);
    if (!scanned || folders.empty()) return;
    listing_.models.clear();
    listing_.errors.clear();
    listing_.filtered = 0;
    inventory_->mark_changed(folders);
    scan_again();
    list(true);
  }

  void take_listed(StoredModel&& model) {
    // Models are used between two scans; looking is a third of a listing's time.
    if (listing_.asked.contains("used")) {
      const FileTimes now = times_of(std::span(&model.row.path, 1));
      if (now.used && now.used > model.row.used) model.row.used = now.used;
    }
    list_model(std::move(model));
  }

  void tell_damage(const Failure& damage) {
    ++unread_;
    if (damage.path.empty()) return session_.tell(escaped(damage.message));
    session_.tell(
        escaped(fmt::format("{}: the row of {} is damaged ({}): scan its folder again, or load its line again",
                            options_.db, damage.path, damage.message)));
    listing_.errors.push_back({damage.path, "its row in the inventory is damaged: " + damage.message, std::nullopt});
  }

  void judge_row(const ScanRow& row) {
    has_errors_ = has_errors_ || row.errors != 0;
    met_ = met_ && (!required_ || std::ranges::all_of(row.verdicts, [&](const auto& verdict) {
             return verdict.second == "fits" || (verdict.second == "tight" && *required_ != Verdict::Fits) ||
                    (verdict.second == "offload" && *required_ == Verdict::Offload);
           }));
  }

  /// Returns how many models could not be read.
  std::uint64_t compare_listed_weights() {
    ProgressLine line(session_, options_.common.quiet);
    const DeepCopyEvents events{.progress =
                                    [&](std::uint64_t done, std::uint64_t all) {
                                      if (!line.due()) return;
                                      const std::string left = time_left(line.seconds(), static_cast<double>(done),
                                                                         static_cast<double>(all));
                                      line.show(fmt::format("{} of {} compared{}", human_bytes(done), human_bytes(all),
                                                            left.empty() ? "" : ", " + left));
                                    },
                                .compared =
                                    [](StoredModel& model) {
                                      if (!model.line.empty())
                                        model.line = line_with_weights(model.line, model.row.weights_id);
                                    },
                                .failed =
                                    [&](const std::string& path, const std::string& message) {
                                      line.clear();
                                      session_.tell(escaped(fmt::format("{}: {}", path, message)));
                                    }};
    return compare_weights(listing_.models, plan_.threads, events);
  }

  int write_listing(const ScanOutcome& outcome) {
    sort_listing(listing_, order_);
    listing_.links = outcome.links;
    listing_.errors_reported = !inventory_ && unread_ != 0;
    if (options_.deep) unread_ += compare_listed_weights();
    const bool all_read = unread_ == 0 && listing_.errors.empty();
    if (!streams_) {
      for (const StoredModel& model : listing_.models) judge_row(model.row);
      write_scan(listing_, output_.format(), output_.style(), output_.stream());
    }
    output_.finish();
    if (!all_read || has_errors_) return 1;
    return met_ ? 0 : 3;
  }

  const ScanOptions& options_;
  Session& session_;
  std::optional<Verdict> required_;
  ListFilter filter_;
  std::optional<Order> order_;
  Output output_;
  ProgressLine progress_;
  std::unique_ptr<Inventory> inventory_;
  ScanPlan plan_;
  ScanListing listing_;
  bool streams_ = false;
  bool has_errors_ = false;
  bool met_ = true;
  std::uint64_t unread_ = 0;
};

int run_scan(const ScanOptions& options, Session& session) {
  const RemoteUse remote(options.remote, options.common.quiet, session);
  check_sources(options);
  if (options.deep) check_deep(options.paths);
  const Catalogue catalogue = load_catalogue();
  const RunSetup setup = set_up_run(options.run, options.on, catalogue);
  ScanRun run(options, session, setup);
  return run.run(scan_weigher(setup, run.line_use()));
}

}  // namespace

Command setup_scan(CLI::App& parent, const char* name) {
  auto options = std::make_shared<ScanOptions>();
  OptionSet command = add_command(parent, name, "Every model below folders, one row each",
                                  "  weigh scan ~/models ~/.cache/huggingface --on rtx-4090\n"
                                  "  weigh scan /srv/models --filter \"params>30B\" --filter dtype~Q4 --sort size\n"
                                  "  weigh scan --sort used --filter \"used > 90d\"\n"
                                  "  weigh scan /srv/models --db models.sqlite\n"
                                  "  find / -name '*.gguf' | weigh scan --files-from - > models.jsonl");
  command.add_argument("DIR", options->paths,
                       "Folders to look through, or names; without one, the stores of this machine");
  add_device_option(command, options->on);
  command.add_option("--filter", options->filters,
                     "FIELD OP VALUE: params>30B, age>90d, verdict=fits; all of several must hold", "COND");
  command.add_option("--sort", options->sort,
                     "By a field or a device, largest, oldest or best first; -FIELD for the other way", "FIELD");
  command.add_option("--min-size", options->min_size, "Leave out what is smaller: 500MB, 8GiB", "SIZE");
  command.add_option("--db", options->db, "Keep an inventory in FILE, read only what has changed", "FILE");
  command.add_option("--files-from", options->files_from, "Paths from FILE or -, a line each; a line of JSON for each",
                     "FILE");
  command.add_option("--shard", options->shard, "Only part I of N of what is found", "I/N");
  command.add_option("--load", options->load, "Take the lines of another scan into the inventory", "LINES");
  command.add_option("--threads", options->threads, "How many models are read at a time, default one for each core",
                     "N", NumberRange{1, 256});
  command.add_flag("--deep", options->deep, "Compare the weights of possible copies, byte by byte");
  add_run_options(command, options->run);
  add_require_option(command, options->require);
  add_common_options(command, options->common, kReportFormats);
  add_remote_options(command, options->remote);
  return [options](Session& session) { return run_scan(*options, session); };
}

}  // namespace weigh::core

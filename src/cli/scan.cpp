#include "src/report/scan.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "src/cli/commands.h"
#include "src/cli/companions.h"
#include "src/cli/deep_copies.h"
#include "src/cli/progress.h"
#include "src/cli/run_options.h"
#include "src/cli/weighing.h"
#include "src/report/words.h"
#include "src/scan/query.h"
#include "src/scan/scan.h"

namespace weigh {
namespace {

struct ScanOptions {
  CommonOptions common;
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
  unsigned threads = 0;
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

/// Everything that changes a verdict, in words: what the inventory compares.
std::string run_key(const ScanOptions& options, const std::vector<Group>& groups) {
  if (groups.empty()) return {};
  std::string key;
  for (const Group& group : groups) {
    key += fmt::format("{} x{}", group.label.id, group.label.asked);
    for (const Device& slot : group.slots) key += fmt::format(" {}", budget_of(slot).safe);
    if (group.host) key += fmt::format(" beside {}", budget_of(*group.host).safe);
    key += "; ";
  }
  const RunOptions& run = options.run;
  return key + fmt::format("{} {} {} {} {} {} {} {} {} {} {}", run.engine, run.context, run.kv_type,
                           run.flash_attention, run.parallel, run.micro_batch, run.unified_cache, run.full_window_cache,
                           run.mmproj, run.draft, run.projector_on_host);
}

/// What is done with the rows: filters, order, the output.
class ScanReport {
 public:
  ScanReport(const ScanOptions& options, std::vector<std::string> devices) {
    for (const std::string& filter : options.filters) filters_.emplace_back(filter);
    if (!options.sort.empty()) order_ = Order(options.sort);
    if (!options.min_size.empty()) least_ = parse_bytes("--min-size", options.min_size);
    listing_.devices = std::move(devices);
  }

  /// Whether the lines are printed, or the rows are enough.
  void keep_lines(bool keeps) { keeps_lines_ = keeps; }

  [[nodiscard]] bool takes(const ScanRow& row) const {
    return row.file_bytes >= least_ &&
           std::ranges::all_of(filters_, [&](const Filter& filter) { return filter.takes(row); });
  }

  void add(StoredModel&& model) {
    if (takes(model.row)) {
      if (!keeps_lines_) model.line = {};
      listing_.models.push_back(std::move(model));
    } else {
      ++listing_.filtered;
    }
  }
  void add(Failure&& failure) { listing_.errors.push_back(std::move(failure)); }

  ScanListing& sorted() {
    const auto by_path = [](const StoredModel& a, const StoredModel& b) { return a.row.path < b.row.path; };
    const auto by_order = [&](const StoredModel& a, const StoredModel& b) { return (*order_)(a.row, b.row); };
    if (order_) {
      std::ranges::stable_sort(listing_.models, by_order);
    } else {
      std::ranges::stable_sort(listing_.models, by_path);
    }
    std::ranges::sort(listing_.errors, {}, &Failure::path);
    return listing_;
  }

 private:
  std::vector<Filter> filters_;
  std::optional<Order> order_;
  std::uint64_t least_ = 0;
  bool keeps_lines_ = true;
  ScanListing listing_;
};

/// How one model becomes its line. Flags of a run that a file's engine does not have are left out for it.
class ScanWeigher {
 public:
  ScanWeigher(const ScanOptions& options, const Companions& companions, const std::vector<Group>& groups,
              const Catalogue& catalogue)
      : options_(options.run), companions_(companions), groups_(groups), catalogue_(catalogue) {}

  StoredModel operator()(Checkpoint&& checkpoint, Store store) const {
    ScanFacts facts;
    facts.store = store_name(store);
    facts.identity = identity_of(checkpoint);
    facts.header_only = checkpoint.header_only;
    Model model = describe(std::move(checkpoint));
    ModelReport report;
    report.ladder = true;
    if (groups_.empty()) {
      report.model = std::move(model);
    } else {
      const bool gguf = model.checkpoint.files.front().format == Format::Gguf;
      RunOptions run = options_;
      if (gguf && run.engine != "llama.cpp") run.engine.clear();
      report = weigh_run_of(std::move(model), run, companions_, groups_, catalogue_, RunDetail::Verdict);
    }
    StoredModel stored;
    const Json json = model_line(report, facts);
    stored.row = row_of(json);
    stored.line = dumped(json);
    return stored;
  }

 private:
  const RunOptions& options_;
  const Companions& companions_;
  const std::vector<Group>& groups_;
  const Catalogue& catalogue_;
};

/// Lines of a file or of standard input, one after the other.
class Lines {
 public:
  explicit Lines(const std::string& path) {
    if (path == "-") return;
    file_.open(path, std::ios::binary);
    if (!file_) throw IoError(fmt::format("{}: cannot be opened", path));
  }

  std::optional<std::string> next() {
    std::string line;
    std::istream& in = file_.is_open() ? static_cast<std::istream&>(file_) : std::cin;
    if (!std::getline(in, line)) return std::nullopt;
    if (line.ends_with('\r')) line.pop_back();
    return line;
  }

 private:
  std::ifstream file_;
};

/// Takes lines of other scans into the inventory. Returns how many could not be taken.
std::uint64_t load_lines(const std::string& path, Inventory& inventory, const Session& session) {
  Lines lines(path);
  std::uint64_t number = 0;
  std::uint64_t bad = 0;
  while (const auto line = lines.next()) {
    ++number;
    if (line->empty()) continue;
    try {
      const Json json = Json::parse(*line);
      const auto error = json.is_object() ? json.find("error") : json.end();
      if (json.is_object() && error != json.end() && error->is_object()) {
        Failure failure{error->value("path", ""), error->value("message", ""), std::nullopt};
        if (error->contains("offset")) failure.offset = error->at("offset").get<std::uint64_t>();
        inventory.load(failure);
        continue;
      }
      inventory.load(StoredModel{row_of(json), dumped(json)});
    } catch (const nlohmann::json::exception&) {
      ++bad;
      session.tell(escaped(fmt::format("{}: line {}: no line of a scan", path, number)));
    } catch (const FormatError& problem) {
      ++bad;
      session.tell(escaped(fmt::format("{}: line {}: {}", path, number, problem.what())));
    }
  }
  return bad;
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
    const auto whole = std::filesystem::absolute(path, error).lexically_normal();
    std::string text = error ? path : whole.string();
    while (text.size() > 1 && text.ends_with('/')) text.pop_back();
    result.push_back(std::move(text));
  }
  return result;
}

void check_sources(const ScanOptions& options) {
  if (!options.load.empty() && options.db.empty()) {
    throw UsageError("--load needs an inventory to load into: --db FILE");
  }
  if (options.paths.empty() && options.files_from.empty() && options.db.empty()) {
    throw UsageError("name a folder to scan, --files-from FILE, or an inventory to list: --db FILE");
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

int run_scan(const ScanOptions& options, Session& session) {
  check_sources(options);
  check_run_options(options.run);
  const Catalogue catalogue = load_catalogue();
  const std::vector<Group> groups = resolve_groups(catalogue, options.on);
  const std::optional<Verdict> required = required_verdict(options.require, groups);
  const Companions companions(options.run);
  std::vector<std::string> devices;
  for (const Group& group : groups) devices.push_back(group.label.id);
  ScanReport report(options, devices);

  ScanPlan plan;
  plan.roots = options.db.empty() ? options.paths : absolute(options.paths);
  plan.shard = parse_shard(options.shard);
  plan.threads = options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
  plan.run = run_key(options, groups);
  CommonOptions common = options.common;
  if (!options.files_from.empty() && !common.json && common.format == "text" && options.db.empty()) {
    common.format = "jsonl";
  }
  Output output(common, session, options.paths);
  report.keep_lines(output.format().starts_with("json"));
  std::unique_ptr<Inventory> inventory;
  if (!options.db.empty()) inventory = std::make_unique<Inventory>(options.db, WEIGH_VERSION);
  plan.inventory = inventory.get();

  std::uint64_t unread = 0;
  for (const std::string& lines : options.load) unread += load_lines(lines, *inventory, session);
  const bool streams = output.format() == "jsonl" && options.sort.empty() && !inventory && !options.deep;
  bool has_errors = false;
  bool met = true;
  const auto judge_row = [&](const ScanRow& row) {
    has_errors = has_errors || row.errors != 0;
    met = met && (!required || std::ranges::all_of(row.verdicts, [&](const auto& verdict) {
            return verdict.second == "fits" || (*required == Verdict::Tight && verdict.second == "tight");
          }));
  };
  ProgressLine line(session, options.common.quiet);
  ScanSink sink;
  sink.model = [&](StoredModel&& model) {
    if (inventory) return inventory->load(model);
    if (!streams) return report.add(std::move(model));
    if (!report.takes(model.row)) return;
    judge_row(model.row);
    if (!output.stream().good()) return;  // another thread's line failed already: that is the error to tell
    output.stream() << model.line << '\n' << std::flush;
  };
  sink.failure = [&](Failure&& failure) {
    line.clear();
    session.tell(failure_line(failure));
    ++unread;
    if (streams && output.stream().good()) {
      output.stream() << failure_json_line(failure) << '\n' << std::flush;
    } else if (!inventory) {
      report.add(std::move(failure));
    } else if (!options.files_from.empty()) {
      inventory->load(failure);
    }
  };
  sink.progress = [&](const ScanProgress& progress) {
    if (line.due()) line.show(progress_text(progress, line.seconds()));
  };
  const ScanWeigher weigher(options, companions, groups, catalogue);
  ScanOutcome outcome;
  if (!options.files_from.empty()) {
    Lines lines(options.files_from);
    outcome = scan_paths(
        plan, [&] { return lines.next(); }, weigher, sink);
  } else if (!options.paths.empty()) {
    outcome = scan_folders(plan, weigher, sink);
  }
  line.clear();
  if (inventory) {
    inventory->finish();
    inventory->each(
        plan.roots,
        [&](const std::string& text) {
          report.add(StoredModel{row_of(Json::parse(text)), text});
        },
        [&](const Failure& failure) { report.add(Failure(failure)); });
  }
  ScanListing& listing = report.sorted();
  listing.links = outcome.links;
  listing.errors_told = unread != 0;
  if (options.deep) unread += compare_weights(listing.models, plan.threads, session, options.common.quiet);
  if (!streams) {
    for (const StoredModel& model : listing.models) judge_row(model.row);
    write_scan(listing, output.format(), output.style(), output.stream());
  }
  output.finish();
  if (unread != 0 || has_errors || !listing.errors.empty()) return 1;
  return met ? 0 : 3;
}

}  // namespace

Command setup_scan(CLI::App& parent) {
  auto options = std::make_shared<ScanOptions>();
  CLI::App* app = add_command(parent, "scan", "Every model below folders, one row each",
                              "  weigh scan ~/models ~/.cache/huggingface --on rtx-4090\n"
                              "  weigh scan /srv/models --filter \"params>30B\" --filter dtype~Q4 --sort size\n"
                              "  weigh scan /srv/models --db models.sqlite\n"
                              "  find / -name '*.gguf' | weigh scan --files-from - > models.jsonl");
  app->add_option("DIR", options->paths, "Folders to look through")->type_name("");
  add_device_option(*app, options->on);
  app->add_option("--filter", options->filters, "FIELD OP VALUE, as in params>30B; all of several must hold")
      ->allow_extra_args(false)
      ->type_name("COND");
  app->add_option("--sort", options->sort, "By a field, numbers largest first; -FIELD for the other way")
      ->type_name("FIELD");
  app->add_option("--min-size", options->min_size, "Leave out what is smaller: 500MB, 8GiB")->type_name("SIZE");
  app->add_option("--db", options->db, "Keep an inventory in FILE, read only what has changed")->type_name("FILE");
  app->add_option("--files-from", options->files_from, "Paths from FILE or -, a line each; a line of JSON for each")
      ->type_name("FILE");
  app->add_option("--shard", options->shard, "Only part I of N of what is found")->type_name("I/N");
  app->add_option("--load", options->load, "Take the lines of another scan into the inventory")
      ->allow_extra_args(false)
      ->type_name("LINES");
  app->add_option("--threads", options->threads, "How many models are read at a time, default one for each core")
      ->check(CLI::Range(1U, 256U))
      ->type_name("N");
  app->add_flag("--deep", options->deep, "Compare the weights of possible copies, byte by byte");
  add_run_options(*app, options->run);
  add_require_option(*app, options->require);
  add_common_options(*app, options->common, kReportFormats);
  return [options](Session& session) { return run_scan(*options, session); };
}

}  // namespace weigh

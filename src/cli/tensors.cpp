#include <regex.h>

#include <algorithm>
#include <array>

#include "src/cli/commands.h"
#include "src/cli/remote_use.h"
#include "src/cli/weighing.h"
#include "src/report/listings.h"

namespace weigh::core {
namespace {

struct TensorsOptions {
  CommonOptions common;
  RemoteFlags remote;
  std::string path;
  std::string filter;
  std::string sort;
  std::string group;
};

/// A POSIX extended regular expression: unlike std::regex it takes a name of any length without a deep stack.
class Regex {
 public:
  explicit Regex(const std::string& expression) {
    const int status = regcomp(&compiled_, expression.c_str(), REG_EXTENDED | REG_NOSUB);
    if (status == 0) return;
    std::array<char, 200> reason{};
    regerror(status, &compiled_, reason.data(), reason.size());
    throw UsageError("--filter " + expression + ": " + reason.data());
  }
  ~Regex() { regfree(&compiled_); }
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  [[nodiscard]] bool matches(std::string_view text) const {
    regmatch_t whole{};  // REG_STARTEND: the text has a length and may hold NUL
    whole.rm_eo = static_cast<regoff_t>(text.size());
    return regexec(&compiled_, text.data() == nullptr ? "" : text.data(), 1, &whole, REG_STARTEND) == 0;
  }

 private:
  regex_t compiled_{};
};

using Order = bool (*)(const TensorFacts*, const TensorFacts*);
struct SortKey {
  std::string_view name;
  Order before;
};

constexpr std::array kSortKeys{
    SortKey{"bytes", [](const TensorFacts* a, const TensorFacts* b) { return a->tensor->bytes > b->tensor->bytes; }},
    SortKey{"name", [](const TensorFacts* a, const TensorFacts* b) { return a->tensor->name < b->tensor->name; }},
    SortKey{"offset",
            [](const TensorFacts* a, const TensorFacts* b) {
              return std::pair(a->file, a->tensor->offset) < std::pair(b->file, b->tensor->offset);
            }},
};

Order find_order(const std::string& name) {
  for (const SortKey& key : kSortKeys) {
    if (key.name == name) return key.before;
  }
  throw UsageError("--sort " + name + ": there are bytes, name and offset");
}

Grouping find_grouping(const std::string& name) {
  if (name.empty()) return Grouping::None;
  if (const auto grouping = grouping_by_name(name)) return *grouping;
  throw UsageError("--group " + name + ": there are layer, module and role");
}

std::vector<const TensorFacts*> select(const Model& model, const TensorsOptions& options) {
  std::optional<Regex> filter;
  if (!options.filter.empty()) filter.emplace(options.filter);
  std::vector<const TensorFacts*> tensors;
  for (const TensorFacts& facts : model.tensors) {
    if (!filter || filter->matches(facts.tensor->name)) tensors.push_back(&facts);
  }
  if (!options.sort.empty()) std::stable_sort(tensors.begin(), tensors.end(), find_order(options.sort));
  return tensors;
}

int run_tensors(const TensorsOptions& options, Session& session) {
  const RemoteUse remote(options.remote, options.common.quiet, session);
  if (!options.filter.empty()) Regex{options.filter};  // wrong usage is told before a file is opened
  if (!options.sort.empty()) find_order(options.sort);
  const Grouping grouping = find_grouping(options.group);
  Output output(options.common, session, {options.path});
  OneCheckpoint one = open_one(options.path, session);
  Report status;
  status.errors = one.failures;
  TensorListing listing{
      one.checkpoint ? one.checkpoint->path : options.path, {}, {}, grouping, std::move(one.failures)};
  if (one.checkpoint) {
    status.models.push_back({describe(std::move(*one.checkpoint)), {}, false});
    listing.model = &status.models.front().model;
    listing.tensors = select(*listing.model, options);
  }
  write_tensors(listing, output.format(), output.style(), output.stream());
  output.finish();
  return exit_status(status);
}

}  // namespace

Command setup_tensors(CLI::App& parent, const char* name) {
  auto options = std::make_shared<TensorsOptions>();
  OptionSet command = add_command(parent, name, "Every tensor: name, type, shape, parameters, bytes, offset, file",
                                  "  weigh tensors model.gguf --sort bytes\n"
                                  "  weigh tensors model.gguf --filter 'blk\\.0\\.'\n"
                                  "  weigh tensors model.gguf --group role\n"
                                  "  weigh tensors ./checkpoint-folder --format csv --output tensors.csv");
  command.add_argument("PATH", options->path, "A file, any part of a set, a folder, a snapshot, a name, -",
                       Presence::Required);
  command.add_option("--filter", options->filter, "Names that this extended regular expression finds", "REGEX");
  command.add_option("--sort", options->sort, "bytes (largest first), name or offset", "KEY");
  command.add_option("--group", options->group, "Sums by layer, module or role", "BY");
  add_common_options(command, options->common);
  add_remote_options(command, options->remote);
  return [options](Session& session) { return run_tensors(*options, session); };
}

}  // namespace weigh::core

#include <fmt/core.h>

#include "src/cli/commands.h"
#include "src/detect/detect.h"
#include "src/report/listings.h"
#include "src/report/text_format.h"

namespace weigh::core {
namespace {

struct DevicesOptions {
  CommonOptions common;
  std::vector<std::string> query;
  bool detect = false;
};

int run_devices(const DevicesOptions& options, Session& session) {
  const Catalogue catalogue = load_catalogue();
  std::string query;
  for (const std::string& word : options.query) query += (query.empty() ? "" : " ") + word;
  std::vector<const Device*> found;
  LocalDevices local;
  if (options.detect) {
    if (!query.empty()) throw UsageError("--detect shows this machine and takes no query");
    local = detect(*this_machine(), catalogue);
    for (const Device& device : local.accelerators) found.push_back(&device);
    if (local.host) found.push_back(&*local.host);
  } else {
    found = devices_matching(catalogue, query);
  }
  Output output(options.common, session, {});
  write_devices(found, output.format(), output.style(), output.stream());
  output.finish();
  if (!found.empty()) return 0;
  if (options.detect) {
    session.tell("found neither a device nor how much memory this machine has");
    return 1;
  }
  session.tell(fmt::format("no device matches '{}'; 'weigh devices' lists them all", escaped(query)));
  return 1;
}

}  // namespace

Command setup_devices(CLI::App& parent, const char* name) {
  auto options = std::make_shared<DevicesOptions>();
  OptionSet command = add_command(parent, name, "The catalogue, with what may safely be used of each device",
                                  "  weigh devices\n"
                                  "  weigh devices rtx 40\n"
                                  "  weigh devices apple --json\n"
                                  "  weigh devices --detect");
  command.add_argument("QUERY", options->query, "Words that id or name must contain");
  command.add_flag("--detect", options->detect, "This machine: memory in all, and as the limit what is free now");
  add_common_options(command, options->common);
  return [options](Session& session) { return run_devices(*options, session); };
}

}  // namespace weigh::core

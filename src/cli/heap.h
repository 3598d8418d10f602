#pragma once

namespace weigh::core {

/// Has the program keep what memory it was given, and take it in large pages. For the program alone: a library leaves its
/// host's memory as it is. Called once, before there are threads.
void prepare_heap();

}  // namespace weigh::core

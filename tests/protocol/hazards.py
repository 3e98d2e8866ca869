# SPDX-License-Identifier: GPL-3.0-or-later
"""Section 10: hazards of the real server, and the tests that meet them on purpose.

Where both ends are named: the client does not run into it, and our server does not have it.
"""

from __future__ import annotations

from tests.protocol import Covered, by

HAZARDS: dict[str, Covered] = {
    "H1": by(
        "aio/test_jobs a_server_that_dies_after_each_job",
        "aio/test_lost_runs a_server_that_dies_before_it_says_how_the_job_ended",
        "client/test_job_control real_server_that_dies_after_the_job",
        "wire/test_recorded_exchanges a_server_that_dies",
        "server/test_replay_reference what_kills_the_real_server_does_not_kill_ours",
    ),
    "H2": by(
        "client/test_session a_real_server_is_not_left_alone_with_a_job",
        "client/test_lasting a_real_server_is_not_left_before_the_end",
        "client/test_monitor_feed a_real_server_is_not_left_soon_after_a_monitor",
        "aio/test_jobs a_real_server_is_not_left_with_a_job",
        "client/test_broken_transfers an_interrupted_upload_leaves_the_old_file_and_nothing_else",
        "server/test_server_jobs a_job_survives_the_loss_of_its_client",
    ),
    "H3": by(
        "client/test_monitor_feed a_real_server_runs_the_monitor_in_a_channel_always",
        "server/test_side_connections a_client_that_does_not_listen_is_told",
    ),
    "H4": by(
        "client/test_start_up a_real_server_cannot_dial_back_to_a_long_address",
        "server/test_protocol the_server_connects_to_its_client_and_nowhere_else",
    ),
    "H5": by(
        "wire/test_control what_cannot_be_said_is_the_callers_fault",
        "client/test_file_list lists_that_are_not_asked_for",
        "server/test_hostile h5_a_length_that_cannot_be_ends_the_connection_with_a_word",
        "server/test_hostile h5_counts_and_lengths_that_lie_are_answered",
        "server/test_replay_reference what_kills_the_real_server_does_not_kill_ours",
    ),
    "H6": by(
        "client/test_start_up order_of_the_set_up",
        "aio/test_server_info a_version_is_chosen_and_kept_over_reconnections",
        "server/test_protocol switches_are_kept",
    ),
    "H7": by(
        "client/test_placement a_file_that_cannot_be_written",
        "server/test_machines a_machines_file_that_cannot_be_written_ends_it_without_harm",
        "server/test_machines a_threads_file_that_cannot_be_written_ends_it_without_harm",
        "server/test_replay_reference what_kills_the_real_server_does_not_kill_ours",
    ),
    "H8": by(
        "client/test_unusual_names a_real_server_is_never_asked_for_what_it_cannot_give",
        "server/test_transfers a_download_that_cannot_be_gets_its_code",
    ),
    "H9": by(
        "client/test_job_status h9_directories_are_never_looked_into",
        "client/test_job_status h9_other_patterns_never_leave",
        "server/test_status patterns_without_a_job",
        "server/test_replay_reference what_kills_the_real_server_does_not_kill_ours",
    ),
    "H10": by(
        "client/test_monitor_feed conversation",
        "client/test_monitor_feed a_monitor_that_was_not_asked_for_anything_is_left_in_the_right_order",
        "server/test_monitor requests_out_of_order_are_answered_and_harm_nothing",
    ),
    "H11": by(
        "client/test_monitor_watch a_selection_is_changed_by_closing_waiting_and_beginning_on_another_channel",
        "wire/test_monitor_products fft_too_short_for_the_channels",
        "wire/test_monitor_products senseless_fft_sizes",
        "server/test_monitor an_fft_size_that_cannot_be_is_refused",
        "server/test_monitor requests_that_cannot_be_are_left_out_and_said_so",
    ),
    "H12": by(
        "client/test_unusual_names a_real_server_is_never_asked_for_what_it_cannot_give",
        "server/test_transfers a_download_that_cannot_be_gets_its_code",
        "server/test_confinement only_regular_files_are_opened_and_no_pipe_makes_us_wait",
    ),
    "H13": by(
        "client/test_monitor_feed a_real_server_runs_the_monitor_in_a_channel_always",
        "client/test_monitor_watch a_selection_is_changed_by_closing_waiting_and_beginning_on_another_channel",
        "server/test_live_monitors a_monitor_may_change_its_mind_and_several_may_watch",
    ),
    "H14": by(
        "client/test_remote_files nul_bytes_are_not_sent_to_a_real_server",
        "client/test_broken_transfers a_server_that_damages_nul_bytes_never_gets_them",
        "server/test_side_connections a_file_goes_up_and_comes_back_bit_for_bit",
    ),
    "H15": by(
        "client/test_exchange channel_numbers_are_never_used_twice",
        "client/test_broken_transfers many_transfers_at_once_have_numbers_of_their_own",
        "server/test_side_connections one_channel_is_not_given_to_two_operations",
    ),
    "H16": by(
        "wire/test_quoting two_values_of_any_kind_fit_into_one_command_line",
        "client/test_start_options the_longest_command_is_not_cut",
        "client/test_remote_files what_no_quoting_carries_is_not_sent",
        "server/test_files no_shell_sees_a_value",
    ),
    "H17": by(
        "wire/test_quoting two_shells_read_what_was_quoted_twice",
        "wire/test_quoting every_operation_meets_the_name_that_was_meant",
        "client/test_unusual_names the_life_of_files_with_unusual_names",
        "client/test_start_options nothing_that_is_taken_means_anything_to_a_shell",
        "server/test_files no_shell_sees_a_value",
    ),
    "H18": by(
        "client/test_exchange channel_sends_each_piece_by_itself",
        "client/test_broken_transfers every_size_goes_in_pieces_that_a_real_server_survives",
        "wire/test_files upload_pieces_are_multiples_of_1024_bytes",
        "server/test_transfers an_upload_cut_anywhere_arrives_whole",
    ),
    "H19": by(
        "wire/test_message writer_refuses",
        "wire/test_message writer_refuses_long_envelopes_and_documents",
        "server/test_hostile h19_documents_that_break_the_real_parser_are_answered_or_passed_on",
    ),
    "H20": by(
        "client/test_start_up first_requests_lost",
        "server/test_server the_first_packets_are_lost_on_request",
    ),
    "H21": by(
        "client/test_session close_waits_for_what_was_sent",
        "client/test_reconnect reconnecting_by_hand_leaves_in_good_order",
    ),
    "H22": by(
        "client/test_reconnect settings_that_would_harm_a_real_server",
        "server/test_hostile h22_odd_groups_are_refused_and_messages_go_on",
    ),
    "H23": by("client/test_server_without_user transfers_and_stops_are_refused"),
    "H24": by(
        "client/test_vex2difx runs_that_are_not_asked_for",
        "aio/test_making a_directory_that_is_not_there",
        "server/test_vex2difx what_is_refused_changes_nothing",
    ),
    "H25": by("server/test_hostile h25_a_line_of_output_of_many_mib_is_cut"),
    "H26": by(
        "client/test_exchange channel_numbers_are_never_used_twice",
        "server/test_hostile h26_temporary_files_of_others_are_in_nobodys_way",
    ),
    "H27": by(
        "aio/test_job_start two_jobs_of_one_name",
        "aio/test_attached_runs equal_names_are_not_confused",
        "server/test_server_jobs jobs_run_beside_each_other",
    ),
    "H28": by("client/test_reconnect what_a_real_server_never_forgets"),
    "H29": by(
        "client/test_start_options a_restart_needs_a_program_that_understands_it",
        "aio/test_job_start a_restart_as_the_real_server_has_it",
        "wire/test_recorded_exchanges what_the_server_makes_of_start_options",
    ),
    "H30": by("server/test_server the_version_conversation"),
}
